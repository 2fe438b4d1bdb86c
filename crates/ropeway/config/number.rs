//! Numbers as people write them: `4G`, `512MiB`, `32k`, `90s`, `auto`.
//!
//! Pure parsers, used by the options as clap value parsers.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Multipliers by suffix. Single letters follow vLLM: lower case counts in thousands, upper case
/// in 1024s. Longer ones follow IEC 80000-13: `MiB` is binary, `MB` is decimal.
const SUFFIXES: [(&str, u64); 20] = [
    ("k", 1_000),
    ("m", 1_000_000),
    ("g", 1_000_000_000),
    ("t", 1_000_000_000_000),
    ("K", 1 << 10),
    ("M", 1 << 20),
    ("G", 1 << 30),
    ("T", 1 << 40),
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// A value, or the word `auto`: the program chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AutoOr<T> {
    /// Chosen from the model and the machine.
    Auto,
    /// Chosen by the user.
    Value(T),
}

impl<T: fmt::Display> fmt::Display for AutoOr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Value(value) => value.fmt(f),
        }
    }
}

/// A whole number with an optional suffix: `4096`, `32k`, `1.5G`, `512MiB`.
pub(crate) fn parse_number(text: &str) -> Result<u64, String> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (digits, suffix) = text.split_at(digits_end);
    let suffix = suffix.trim_start();
    let multiplier = match suffix {
        "" | "B" => 1,
        _ => SUFFIXES
            .iter()
            .find(|(name, _)| *name == suffix)
            .map(|&(_, multiplier)| multiplier)
            .ok_or_else(|| {
            format!("unknown suffix `{suffix}`: use k, M, G, MiB, GB and the like")
        })?,
    };
    scale(digits, multiplier)
}

/// `digits` (with an optional fraction) times `multiplier`, exactly.
fn scale(digits: &str, multiplier: u64) -> Result<u64, String> {
    /// More digits than this cannot be exact in 128 bits, and nobody means them.
    const MAX_FRACTION_DIGITS: usize = 9;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let not_a_number = || "expected a number such as 4096, 32k or 1.5G".to_owned();
    if whole.is_empty() || fraction.contains('.') || digits.ends_with('.') {
        return Err(not_a_number());
    }
    if fraction.len() > MAX_FRACTION_DIGITS {
        return Err(format!("more than {MAX_FRACTION_DIGITS} digits after the point"));
    }
    let too_large = || "the number is too large".to_owned();
    let whole: u64 = whole.parse().map_err(|_| too_large())?;
    let unit = 10u128.pow(fraction.len() as u32);
    let parts: u128 =
        if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| too_large())? };
    let scaled = parts * u128::from(multiplier);
    if !scaled.is_multiple_of(unit) {
        return Err("this is not a whole number".to_owned());
    }
    let total = u128::from(whole) * u128::from(multiplier) + scaled / unit;
    u64::try_from(total).map_err(|_| too_large())
}

/// `auto`, or a number of at least 1.
pub(crate) fn parse_auto_or_number<T: TryFrom<u64>>(text: &str) -> Result<AutoOr<T>, String> {
    if text.eq_ignore_ascii_case("auto") {
        return Ok(AutoOr::Auto);
    }
    parse_positive(text).map(AutoOr::Value)
}

/// A number of at least 1.
pub(crate) fn parse_positive<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    match parse_number(text)? {
        0 => Err("must be at least 1".to_owned()),
        number => T::try_from(number).map_err(|_| "the number is too large".to_owned()),
    }
}

/// A number that may be 0.
pub(crate) fn parse_count<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    T::try_from(parse_number(text)?).map_err(|_| "the number is too large".to_owned())
}

/// As [`parse_auto_or_number`]; vLLM also writes `auto` as `-1`.
pub(crate) fn parse_model_len(text: &str) -> Result<AutoOr<usize>, String> {
    if text == "-1" { Ok(AutoOr::Auto) } else { parse_auto_or_number(text) }
}

/// `auto`, or a share above 0 and at most 1.
pub(crate) fn parse_auto_or_fraction(text: &str) -> Result<AutoOr<f64>, String> {
    if text == "auto" {
        return Ok(AutoOr::Auto);
    }
    match f64::from_str(text) {
        Ok(value) if value > 0.0 && value <= 1.0 => Ok(AutoOr::Value(value)),
        _ => Err("expected a number above 0 and at most 1, such as 0.8, or auto".to_owned()),
    }
}

/// A time: plain seconds, or with the suffix `ms`, `s`, `m` or `h`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (digits, suffix) = text.split_at(digits_end);
    let unit_ms = match suffix.trim_start() {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        other => return Err(format!("unknown unit `{other}`: use ms, s, m or h")),
    };
    scale(digits, unit_ms).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_sizes() {
        for (text, expected) in [
            ("0", 0),
            ("4096", 4096),
            ("32k", 32_000),
            ("32K", 32_768),
            ("25.6k", 25_600),
            ("4G", 4 << 30),
            ("1.5G", 3 << 29),
            ("512MiB", 512 << 20),
            ("512 MiB", 512 << 20),
            ("2Gi", 2 << 30),
            ("4GB", 4_000_000_000),
            ("17B", 17),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse_number(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refused_numbers() {
        for text in [
            "",
            "G",
            "-1",
            "+1",
            "1.",
            ".5",
            "1..5",
            "1.2.3",
            "4Q",
            "4gib",
            "0x10",
            "1e3",
            "1_000",
            "0.3K",
            "18446744073709551616",
            "99999999999T",
            "1.0000000001k",
            "4 G x",
        ] {
            assert!(parse_number(text).is_err(), "`{text}` gave {:?}", parse_number(text));
        }
    }

    #[test]
    fn auto_and_its_limits() {
        assert_eq!(parse_auto_or_number::<u64>("auto"), Ok(AutoOr::Auto));
        assert_eq!(parse_auto_or_number::<u64>("AUTO"), Ok(AutoOr::Auto));
        assert_eq!(parse_auto_or_number("32k"), Ok(AutoOr::Value(32_000_usize)));
        assert_eq!(parse_model_len("-1"), Ok(AutoOr::Auto));
        assert!(parse_auto_or_number::<u64>("0").unwrap_err().contains("at least 1"));
        assert!(parse_positive::<u32>("5G").unwrap_err().contains("too large"));
        assert_eq!(parse_count::<u32>("0"), Ok(0));
    }

    #[test]
    fn fractions() {
        assert_eq!(parse_auto_or_fraction("0.92"), Ok(AutoOr::Value(0.92)));
        assert_eq!(parse_auto_or_fraction("1"), Ok(AutoOr::Value(1.0)));
        assert_eq!(parse_auto_or_fraction("auto"), Ok(AutoOr::Auto));
        for text in ["0", "1.01", "-0.5", "NaN", "inf", "92%", ""] {
            assert!(parse_auto_or_fraction(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, ms) in [
            ("30", 30_000),
            ("30s", 30_000),
            ("1.5s", 1_500),
            ("250ms", 250),
            ("2m", 120_000),
            ("0", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "s", "-1", "3 weeks", "0.5ms"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
