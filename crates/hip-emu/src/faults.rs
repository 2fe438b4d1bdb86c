//! Faults on order: which launch, allocation or copy is to go wrong, and how.
//!
//! Owns the grammar of `ROPEWAY_EMU_FAULT` and the counters; never carries a fault out.

use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

/// A fault's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The device is lost when the launch starts: it and all later work of the device fail.
    DeviceLost,
    /// The launch never ends.
    Hang,
    /// The launch never ends, and the process's exit handlers wait for it as a driver's do.
    Stuck,
    /// The allocation fails for want of memory.
    Alloc,
    /// The copy fails; nothing is copied.
    CopyError,
    /// The capture's end finds it invalid.
    Capture,
}

/// One fault: a kind and the 1-based number of the event that it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultRule {
    /// What happens.
    pub kind: FaultKind,
    /// Which launch, allocation, copy or capture of the process, counted from 1.
    pub number: u64,
}

/// A rule that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not a fault; write device_lost@launch:K, hang@launch:K, stuck@launch:K, alloc@K, \
     copy_error@K or capture@K with K from 1 on, several separated by commas"
)]
pub struct FaultGrammarError(String);

/// Reads rules separated by commas; an empty text has none.
///
/// # Errors
/// Any part that is not a rule.
pub fn parse(text: &str) -> Result<Vec<FaultRule>, FaultGrammarError> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(rule).collect()
}

fn rule(part: &str) -> Result<FaultRule, FaultGrammarError> {
    let error = || FaultGrammarError(part.to_owned());
    let (kind, place) = part.split_once('@').ok_or_else(error)?;
    let on_launch = place.strip_prefix("launch:");
    let (kind, number) = match (kind, on_launch) {
        ("device_lost", Some(number)) => (FaultKind::DeviceLost, number),
        ("hang", Some(number)) => (FaultKind::Hang, number),
        ("stuck", Some(number)) => (FaultKind::Stuck, number),
        ("alloc", None) => (FaultKind::Alloc, place),
        ("copy_error", None) => (FaultKind::CopyError, place),
        ("capture", None) => (FaultKind::Capture, place),
        _ => return Err(error()),
    };
    match number.parse() {
        Ok(number) if number > 0 => Ok(FaultRule { kind, number }),
        _ => Err(error()),
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// A kernel starts: a launch or a kernel node of a launched graph.
    Launch,
    /// An allocation of device or pinned memory.
    Alloc,
    /// A copy, when it is called for or captured.
    Copy,
    /// The end of a capture.
    Capture,
}

/// The rules and how often each event has happened.
#[derive(Debug)]
pub(crate) struct Faults {
    rules: Vec<FaultRule>,
    num_launches: AtomicU64,
    num_allocs: AtomicU64,
    num_copies: AtomicU64,
    num_captures: AtomicU64,
}

impl Faults {
    pub(crate) fn new(rules: Vec<FaultRule>) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            rules,
            num_launches: zero(),
            num_allocs: zero(),
            num_copies: zero(),
            num_captures: zero(),
        }
    }

    /// Counts the event; the fault that strikes it, if any, and its number.
    pub(crate) fn count(&self, event: Event) -> (u64, Option<FaultKind>) {
        use FaultKind::{Alloc, Capture, CopyError, DeviceLost, Hang, Stuck};
        let (counter, kinds) = match event {
            Event::Launch => (&self.num_launches, [DeviceLost, Hang, Stuck].as_slice()),
            Event::Alloc => (&self.num_allocs, [Alloc].as_slice()),
            Event::Copy => (&self.num_copies, [CopyError].as_slice()),
            Event::Capture => (&self.num_captures, [Capture].as_slice()),
        };
        let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
        let struck = |rule: &&FaultRule| rule.number == number && kinds.contains(&rule.kind);
        (number, self.rules.iter().find(struck).map(|rule| rule.kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_takes_what_it_says() {
        let rules = parse(
            "device_lost@launch:3, alloc@2,hang@launch:10,copy_error@1,capture@4,stuck@launch:5",
        );
        let expected = [
            (FaultKind::DeviceLost, 3),
            (FaultKind::Alloc, 2),
            (FaultKind::Hang, 10),
            (FaultKind::CopyError, 1),
            (FaultKind::Capture, 4),
            (FaultKind::Stuck, 5),
        ]
        .map(|(kind, number)| FaultRule { kind, number });
        assert_eq!(rules, Ok(expected.to_vec()));
        assert_eq!(parse(""), Ok(Vec::new()));
        for bad in [
            "hang",
            "hang@3",
            "alloc@launch:3",
            "alloc@0",
            "alloc@-1",
            "melt@launch:1",
            "alloc@1;hang@launch:1",
        ] {
            assert_eq!(parse(bad), Err(FaultGrammarError(bad.to_owned())), "{bad}");
        }
    }

    #[test]
    fn a_fault_strikes_its_number_once_and_no_other_event() {
        let faults = Faults::new(parse("alloc@2,hang@launch:1").expect("good rules"));
        assert_eq!(faults.count(Event::Alloc), (1, None));
        assert_eq!(faults.count(Event::Copy), (1, None));
        assert_eq!(faults.count(Event::Alloc), (2, Some(FaultKind::Alloc)));
        assert_eq!(faults.count(Event::Alloc), (3, None));
        assert_eq!(faults.count(Event::Launch), (1, Some(FaultKind::Hang)));
        assert_eq!(faults.count(Event::Copy), (2, None));
    }
}
