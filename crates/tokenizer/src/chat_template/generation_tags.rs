//! `{% generation %}` blocks, which mark the assistant's text for training.
//!
//! The engine knows no tags beyond Jinja's own, and rendering only needs what is inside the
//! block. Both tags become comments with the same whitespace marks, so trimming and line numbers
//! stay as they were.

use std::borrow::Cow;

/// The source with both tags as comments.
pub(super) fn neutralise(source: &str) -> Cow<'_, str> {
    if !source.contains("generation") {
        return Cow::Borrowed(source);
    }
    let mut neutral = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        neutral.push_str(&rest[..start]);
        let tag = &rest[start..];
        match generation_tag(tag) {
            Some((opening, closing, num_bytes)) => {
                neutral.push_str("{#");
                neutral.push_str(opening);
                neutral.push_str(closing);
                neutral.push_str("#}");
                rest = &tag[num_bytes..];
            }
            None => {
                neutral.push_str("{%");
                rest = &tag[2..];
            }
        }
    }
    neutral.push_str(rest);
    Cow::Owned(neutral)
}

/// The whitespace marks and the length of the tag at the start of `tag`, if it is one of the two.
fn generation_tag(tag: &str) -> Option<(&str, &str, usize)> {
    let inside = tag.strip_prefix("{%")?;
    let end = inside.find("%}")?;
    let inside = &inside[..end];
    let word = inside.strip_prefix(['-', '+']).unwrap_or(inside);
    let opening = &inside[..inside.len() - word.len()];
    let word_only = word.strip_suffix(['-', '+']).unwrap_or(word);
    let closing = &word[word_only.len()..];
    let is_tag = matches!(word_only.trim(), "generation" | "endgeneration");
    is_tag.then_some((opening, closing, end + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_tags_change() {
        for (source, expected) in [
            ("a{% generation %}b{% endgeneration %}c", "a{##}b{##}c"),
            ("{%- generation -%} b {%+endgeneration%}", "{#--#} b {#+#}"),
            ("{% if generation %}x{% endif %}", "{% if generation %}x{% endif %}"),
            ("{{ add_generation_prompt }}", "{{ add_generation_prompt }}"),
            ("{% generation", "{% generation"),
        ] {
            assert_eq!(neutralise(source), expected);
        }
    }
}
