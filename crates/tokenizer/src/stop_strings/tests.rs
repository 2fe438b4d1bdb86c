use proptest::prelude::*;

use super::*;

/// The text shown and the match, for a stream in these deltas.
fn stream(stops: &[&str], include_stop: bool, deltas: &[&str]) -> (String, Option<usize>) {
    let mut matcher = StopStrings::new(stops, include_stop).unwrap();
    let mut shown = String::new();
    for delta in deltas {
        matcher.push(delta, &mut shown);
    }
    matcher.finish(&mut shown);
    (shown, matcher.found().map(|found| found.index))
}

/// The same by looking at the whole text.
fn search(stops: &[&str], include_stop: bool, text: &str) -> (String, Option<usize>) {
    for end in 1..=text.len() {
        let ending = stops
            .iter()
            .enumerate()
            .filter(|(_, s)| text.as_bytes()[..end].ends_with(s.as_bytes()));
        // `max_by_key` keeps the last of equals; the matcher keeps the first.
        if let Some((index, stop)) = ending.rev().max_by_key(|(_, stop)| stop.len()) {
            let shown = if include_stop { end } else { end - stop.len() };
            return (text[..shown].to_owned(), Some(index));
        }
    }
    (text.to_owned(), None)
}

#[test]
fn text_that_may_become_a_stop_string_is_held_back() {
    let mut matcher = StopStrings::new(&["</s>", "STOP"], false).unwrap();
    let mut shown = String::new();
    assert_eq!(matcher.push("hello <", &mut shown), None);
    assert_eq!(shown, "hello ");
    assert_eq!(matcher.push("/b> ST", &mut shown), None);
    assert_eq!(shown, "hello </b> ");
    assert_eq!(matcher.push("OP and more", &mut shown), Some(StopMatch { index: 1 }));
    assert_eq!(shown, "hello </b> ");
    assert_eq!(matcher.push("ignored", &mut shown), Some(StopMatch { index: 1 }));
    matcher.finish(&mut shown);
    assert_eq!(shown, "hello </b> ");
}

#[test]
fn overlaps_and_ties() {
    for (stops, include, deltas, shown, found) in [
        (&["aab"][..], false, &["aaa", "b!"][..], "a", Some(0)),
        (&["aab"], true, &["aaa", "b!"], "aaab", Some(0)),
        // The match that ends first wins, though the other began earlier.
        (&["abcd", "bc"], false, &["xabcd"], "xa", Some(1)),
        // Of matches that end together the longest wins, and of equals the first.
        (&["c", "bc"], false, &["xab", "c"], "xa", Some(1)),
        (&["bc", "bc"], false, &["bc"], "", Some(0)),
        (&["\u{1f600}"], false, &["a\u{1f601}\u{1f600}b"], "a\u{1f601}", Some(0)),
        (&["end"], false, &["the e", "n"], "the en", None),
        (&[], false, &["all", " of it"], "all of it", None),
    ] {
        assert_eq!(stream(stops, include, deltas), (shown.to_owned(), found), "{stops:?}");
    }
}

#[test]
fn lists_over_their_limits_are_refused() {
    assert!(StopStrings::new(&vec!["x"; MAX_STOP_STRINGS], false).is_ok());
    let too_many = StopStrings::new(&vec!["x"; MAX_STOP_STRINGS + 1], false).unwrap_err();
    assert_eq!(too_many, StopStringsError::TooMany { count: MAX_STOP_STRINGS + 1 });
    let long = "x".repeat(MAX_STOP_STRING_BYTES);
    assert!(StopStrings::new(&[&long], false).is_ok());
    let num_bytes = MAX_STOP_STRING_BYTES + 1;
    let too_long = StopStrings::new(&["a".to_owned(), format!("{long}x")], false).unwrap_err();
    assert_eq!(too_long, StopStringsError::TooLong { index: 1, num_bytes });
    assert_eq!(
        StopStrings::new(&["a", ""], false).unwrap_err(),
        StopStringsError::Empty { index: 1 }
    );
}

proptest! {
    /// A small alphabet makes many partial matches.
    #[test]
    fn every_cut_gives_the_result_of_the_whole(
        text in "[ab\u{e9}\u{e8}]{0,40}",
        stops in prop::collection::vec("[ab\u{e9}\u{e8}]{1,5}", 0..4),
        cuts in prop::collection::vec(0_usize..80, 0..8),
        include_stop: bool,
    ) {
        let stops: Vec<&str> = stops.iter().map(String::as_str).collect();
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|&cut| text.is_char_boundary(cut)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let deltas: Vec<&str> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
        let expected = search(&stops, include_stop, &text);
        prop_assert_eq!(stream(&stops, include_stop, &deltas), expected);
    }
}
