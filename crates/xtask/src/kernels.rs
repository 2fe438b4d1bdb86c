//! A launch report of the emulated GPU as a table, one row for each kernel.
//!
//! Reads only the report's JSON, never the emulator. The bound is the emulator's lower bound of the
//! time on an MI300X: arithmetic on counts, not measured on hardware.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use serde_json::Value;

/// Sums over the launches of one kernel.
#[derive(Clone, Debug, Default)]
struct Row {
    num_launches: u64,
    num_failed: u64,
    wave_instructions: u64,
    bytes: u64,
    touched_bytes: u64,
    distinct_bytes: u64,
    lds_cycles: u64,
    lds_free_cycles: u64,
    mfma_cycles: u64,
    other_cycles: u64,
    bound_us: f64,
    /// Launches by what limits them.
    limits: BTreeMap<String, u64>,
}

/// Bytes of a line of the caches.
const LINE_BYTES: u64 = 128;

/// Prints the table of a report.
pub(crate) fn report(file: &Path) -> anyhow::Result<ExitCode> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    print!("{}", table(&rows(&text)?));
    Ok(ExitCode::SUCCESS)
}

fn rows(report: &str) -> anyhow::Result<BTreeMap<String, Row>> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for (index, line) in report.lines().enumerate() {
        let launch: Value = serde_json::from_str(line)
            .with_context(|| format!("line {} is no JSON of a launch", index + 1))?;
        let name = launch["kernel"].as_str();
        let name = name.with_context(|| format!("line {} names no kernel", index + 1))?;
        rows.entry(name.to_owned()).or_default().add(&launch);
    }
    Ok(rows)
}

impl Row {
    fn add(&mut self, launch: &Value) {
        let number = |pointer: &str| launch.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        self.num_launches += 1;
        self.num_failed += u64::from(launch["fault"].is_string());
        self.wave_instructions += number("/num_wave_instructions");
        for way in ["read", "written"] {
            let of = |field: &str| number(&format!("/counters/{way}/{field}"));
            self.bytes += of("bytes");
            self.touched_bytes += of("distinct_bytes");
            self.distinct_bytes += of("distinct_lines") * LINE_BYTES;
        }
        self.lds_cycles += number("/counters/lds/cycles");
        self.lds_free_cycles += number("/counters/lds/conflict_free_cycles");
        self.mfma_cycles += number("/counters/cycles/mfma");
        self.other_cycles += number("/counters/cycles/valu") + number("/counters/cycles/salu");
        self.bound_us += launch["bound"]["seconds"].as_f64().unwrap_or(0.0) * 1e6;
        if let Some(limit) = launch["bound"]["limit"].as_str() {
            *self.limits.entry(limit.to_owned()).or_default() += 1;
        }
    }
}

/// `part / whole` with two digits; `-` without a whole.
fn ratio(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.2}", part as f64 / whole as f64) }
}

fn table(rows: &BTreeMap<String, Row>) -> String {
    let width = rows.keys().map(String::len).max().unwrap_or(0).max("kernel".len());
    let mut text = format!(
        "{:width$} {:>8} {:>14} {:>14} {:>6} {:>8} {:>8} {:>6} {:>12}  limit\n",
        "kernel",
        "launches",
        "wave instr",
        "bytes asked",
        "used",
        "/ least",
        "LDS",
        "MFMA",
        "bound us"
    );
    for (name, row) in rows {
        let limit = row.limits.iter().max_by_key(|(_, count)| **count);
        let limit = limit.map_or("-", |(limit, _)| limit.as_str());
        let failed = match row.num_failed {
            0 => String::new(),
            count => format!(" ({count} failed)"),
        };
        let _infallible = writeln!(
            text,
            "{name:width$} {:>8} {:>14} {:>14} {:>6} {:>8} {:>8} {:>6} {:>12.1}  {limit}{failed}",
            row.num_launches,
            row.wave_instructions,
            row.bytes,
            ratio(row.touched_bytes, row.distinct_bytes),
            ratio(row.bytes, row.distinct_bytes),
            ratio(row.lds_cycles, row.lds_free_cycles),
            ratio(row.mfma_cycles, row.mfma_cycles + row.other_cycles),
            row.bound_us,
        );
    }
    text.push_str(
        "\nused: part of the touched lines' bytes; / least: bytes asked over bytes of touched \
         lines;\nLDS: bank cycles over those without conflicts; MFMA: share of arithmetic cycles; \
         bound: sum of\nlower bounds on an MI300X, without the gaps between launches, by counts and not measured on \
         hardware;\nwith ROPEWAY_EMU_SAMPLE counts are those of the sample, the bound that of the whole\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launches_of_a_kernel_are_summed() {
        let line = r#"{"kernel":"norm","num_wave_instructions":100,"counters":{
            "read":{"bytes":1024,"lines":16,"distinct_lines":8,"distinct_bytes":512},
            "written":{"bytes":1024,"lines":16,"distinct_lines":8,"distinct_bytes":512},
            "lds":{"cycles":30,"conflict_free_cycles":20},
            "cycles":{"mfma":25,"valu":50,"salu":25}},
            "bound":{"seconds":5e-6,"limit":"hbm"}}"#
            .replace('\n', " ");
        let failed = r#"{"kernel":"gemm","fault":"out of bounds"}"#;
        let rows = rows(&format!("{line}\n{line}\n{failed}\n")).expect("a report");
        let table = table(&rows);
        let words = |name: &str| -> Vec<String> {
            let row = table.lines().find(|row| row.starts_with(name)).expect("a row");
            row.split_whitespace().map(str::to_owned).collect()
        };
        let expected = ["norm", "2", "200", "4096", "0.50", "1.00", "1.50", "0.25", "10.0", "hbm"];
        assert_eq!(words("norm"), expected);
        assert_eq!(words("gemm")[9..], ["-", "(1", "failed)"]);
    }

    #[test]
    fn what_is_no_report_is_told_with_its_line() {
        for text in ["{\"kernel\":\"a\"}\nnonsense", "{\"kernel\":\"a\"}\n{}"] {
            let error = rows(text).expect_err("it is no report");
            assert!(error.to_string().contains("line 2"), "{error}");
        }
    }
}
