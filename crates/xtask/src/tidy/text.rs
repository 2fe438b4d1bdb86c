//! Rules about a file's text: length, header, trailing blanks, words that must not stay.

use super::Breach;

/// Longest file, in lines.
const MAX_FILE_LINES: usize = 800;

/// Files that list data, and may be as long as their data.
const CATALOGUES: [&str; 0] = [];

/// Words that mark unfinished or left-over code. In halves, or this file would break its own rule.
const BANNED: [&str; 8] = [
    concat!("to", "do!"),
    concat!("unimplem", "ented!"),
    concat!("d", "bg!"),
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
    concat!("#[ign", "ore"),
];

/// Breaches in one file.
pub(super) fn check(path: &str, source: &str) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let num_lines = source.lines().count();
    if num_lines > MAX_FILE_LINES && !CATALOGUES.contains(&path) {
        let message = format!("{num_lines} lines; at most {MAX_FILE_LINES}: split by subject");
        breaches.push(Breach::new(path, MAX_FILE_LINES + 1, message));
    }
    if !is_unit_test(path) && !source.starts_with("//!") {
        let message = "no header: start with `//!` and say what the module owns";
        breaches.push(Breach::new(path, 1, message));
    }
    if !source.is_empty() && !source.ends_with('\n') {
        breaches.push(Breach::new(path, num_lines, "no newline at the end"));
    }
    // Not `lines()`, which would swallow a carriage return.
    for (line_idx, line) in source.split('\n').enumerate() {
        if line.ends_with([' ', '\t', '\r']) {
            breaches.push(Breach::new(path, line_idx + 1, "blanks at the end of the line"));
        }
        for word in BANNED.iter().filter(|word| has_word(line, word)) {
            let message = format!("`{word}`: finish it or take it out");
            breaches.push(Breach::new(path, line_idx + 1, message));
        }
    }
    breaches
}

/// Unit tests in a file of their own belong to the module beside them, which has the header.
fn is_unit_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs")
}

/// True if `line` has `word` with no letter, digit or underscore in front or behind.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(is_part) && (word.ends_with('!') || !after.is_some_and(is_part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(source: &str) -> Vec<String> {
        check("crates/a/src/b.rs", source).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_tidy_file_has_no_breach() {
        assert_eq!(messages("//! Owns nothing.\n\nfn main() {}\n"), Vec::<String>::new());
    }

    #[test]
    fn planted_words_are_found() {
        for word in BANNED {
            let found = messages(&format!("//! Header.\nfn f() {{ {word}(); }}\n"));
            assert_eq!(found.len(), 1, "{word}: {found:?}");
            assert!(found[0].starts_with("crates/a/src/b.rs:2: "), "{found:?}");
        }
        let harmless = concat!("//! MAX_XX", "X and aXX", "Xb are words of their own.\n");
        assert_eq!(messages(harmless), Vec::<String>::new());
    }

    #[test]
    fn planted_blanks_length_header_and_end_are_found() {
        assert!(messages("//! H.\nfn f() {} \n")[0].contains("blanks at the end"));
        assert!(messages("//! H.\r\n")[0].contains("blanks at the end"));
        assert!(messages("fn f() {}\n")[0].contains("no header"));
        assert!(messages("//! H.")[0].contains("no newline"));
        let long = "//! H.\n".repeat(MAX_FILE_LINES + 1);
        assert!(messages(&long)[0].contains("801 lines"));
        assert_eq!(messages(&"//! H.\n".repeat(MAX_FILE_LINES)), Vec::<String>::new());
    }

    #[test]
    fn unit_tests_need_no_header() {
        assert_eq!(check("crates/a/src/b/tests.rs", "use super::*;\n"), []);
        assert_eq!(check("crates/a/tests/b.rs", "use a::b;\n").len(), 1);
    }
}
