//! Findings as text for people and as JSON for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use super::finding::{Finding, Status};

/// One finding in one line, with its remedy.
pub(crate) fn line(finding: &Finding) -> String {
    let Finding { symptom, remedy, .. } = finding;
    let end = if remedy.is_empty() { String::new() } else { format!(" -> {remedy}") };
    format!("{} {}: {symptom}{end}\n", finding.layer.name(), finding.check)
}

/// A line for what is good, a paragraph for what is not, and a sum.
pub(crate) fn as_text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let mark = match finding.status {
            Status::Good => "ok  ",
            Status::Warning => "warn",
            Status::Failed => "FAIL",
        };
        let (layer, check) = (finding.layer.name(), finding.check);
        let _infallible = writeln!(text, "{mark} {layer:<8} {check:<18} {}", finding.symptom);
        if finding.status == Status::Good {
            continue;
        }
        for (name, words) in [
            ("cause", &finding.cause),
            ("evidence", &finding.evidence),
            ("remedy", &finding.remedy),
        ] {
            let _infallible = writeln!(text, "     {name:<8} {words}");
        }
    }
    let count = |status| findings.iter().filter(|finding| finding.status == status).count();
    let _infallible = writeln!(
        text,
        "\n{} checks: {} failed, {} warnings",
        findings.len(),
        count(Status::Failed),
        count(Status::Warning)
    );
    text
}

/// `{"ok": bool, "findings": [...]}`.
pub(crate) fn as_json(findings: &[Finding]) -> Value {
    let ok = findings.iter().all(|finding| finding.status != Status::Failed);
    json!({ "ok": ok, "findings": findings })
}
