//! What has a meaning is tested: the list of the executor's operations less the mnemonics that the
//! families run.

use std::collections::BTreeSet;

use cdna3::exec::operations;
use cdna3::inst::Format;

use crate::{
    compares, converts, floats, flow, integers, lanes, matrices, memory, packed, scalars, ulps,
};

/// The mnemonic of a line without the suffix of its encoding.
fn mnemonic(line: &str) -> String {
    let mut name = line.split_whitespace().next().unwrap_or_default();
    for suffix in ["_e32", "_e64", "_sdwa", "_dpp"] {
        name = name.strip_suffix(suffix).unwrap_or(name);
    }
    name.to_owned()
}

/// Mnemonics of all lines that the families run.
fn tested() -> BTreeSet<String> {
    let cases = [
        floats::cases(),
        integers::cases(),
        compares::cases(),
        packed::cases(),
        converts::cases(),
        lanes::cases(),
    ];
    let lines = cases.iter().flatten().flat_map(|case| case.line.lines());
    let mut tested: BTreeSet<String> = lines.map(mnemonic).collect();
    tested.extend(flow::lines().iter().map(|line| mnemonic(line)));
    tested.extend(memory::lines().iter().map(|line| mnemonic(line)));
    tested.extend(matrices::mnemonics());
    tested.extend(scalars::lines().iter().map(|line| mnemonic(line)));
    tested.extend(ulps::mnemonics());
    tested
}

#[test]
fn nothing_with_a_meaning_is_untested() {
    let tested = tested();
    let untested: BTreeSet<String> = operations()
        .into_iter()
        .filter(|(_, _, has_meaning)| *has_meaning)
        .map(|(_, op, _)| op.to_string())
        .filter(|name| !tested.contains(name))
        .collect();
    assert_eq!(untested.into_iter().collect::<Vec<_>>(), UNTESTED);
}

/// They stop the wave: `flow::what_stops_a_wave_is_named` launches each by itself.
const UNTESTED: [&str; 2] = ["s_sethalt", "s_trap"];

/// Families as the README counts them.
const FAMILIES: [(&str, &[Format]); 9] = [
    (
        "SOP1, SOP2, SOPC, SOPK, SOPP",
        &[Format::Sop1, Format::Sop2, Format::Sopc, Format::Sopk, Format::Sopp],
    ),
    ("SMEM", &[Format::Smem]),
    ("VOP1, VOP2, VOP3", &[Format::Vop1, Format::Vop2, Format::Vop3, Format::Vop3Sdst]),
    ("VOPC", &[Format::Vopc]),
    ("VOP3P", &[Format::Vop3p]),
    ("MAI", &[Format::Mai]),
    ("DS", &[Format::Ds]),
    ("FLAT, GLOBAL, SCRATCH", &[Format::Flat, Format::Global, Format::Scratch]),
    ("MUBUF", &[Format::Mubuf]),
];

#[test]
fn the_readme_counts_what_there_is() {
    let readme = include_str!("../../README.md");
    for (family, formats) in FAMILIES {
        let mine = || operations().into_iter().filter(|(format, ..)| formats.contains(format));
        let count = |all: &mut dyn Iterator<Item = String>| all.collect::<BTreeSet<String>>().len();
        let decoded = count(&mut mine().map(|(_, op, _)| op.to_string()));
        let coded = count(&mut mine().filter(|(.., has)| *has).map(|(_, op, _)| op.to_string()));
        let row = format!("| {family} | {decoded} | {coded} |");
        assert!(readme.contains(&row), "the README lacks the row {row}");
    }
}
