//! Row T1 of the survival table: templates that try to use up time, memory or stack, and N4's
//! conversations that templates must survive.

use serde_json::json;

use super::*;

fn render(source: &str) -> Result<String, TemplateError> {
    let template = ChatTemplate::new(source, "<s>", "</s>")?;
    template.render(&ChatContext {
        messages: &json!([{ "role": "user", "content": "hello" }]),
        tools: None,
        add_generation_prompt: true,
        continue_final_message: false,
        extra: None,
    })
}

/// The render must end with the error of a named limit.
fn check_limited(source: &str) {
    match render(source) {
        Err(TemplateError::Limit { .. }) => {}
        Err(other) => panic!("{source}: {other:?}"),
        Ok(text) => panic!("{source}: {} bytes", text.len()),
    }
}

/// The render must end with any error.
fn check_refused(source: &str) {
    if let Ok(text) = render(source) {
        panic!("{source:.80}: {} bytes: {text:.80}", text.len());
    }
}

const NESTED_LOOPS: &str = "{% for a in range(99999) %}{% for b in range(99999) %}";
const ENDS: &str = "{% endfor %}{% endfor %}";

#[test]
fn endless_work_runs_out_of_fuel() {
    check_limited(&format!("{NESTED_LOOPS}{{% set x = a %}}{ENDS}"));
    check_limited(&format!("{NESTED_LOOPS}x{ENDS}"));
    check_limited("{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}");
    check_limited("{% for a in messages recursive %}{{ loop(messages) }}{% endfor %}");
}

#[test]
fn huge_ranges_are_refused() {
    check_limited("{% for a in range(10**9) %}x{% endfor %}");
    check_limited("{{ range(1000000000)|list|length }}");
}

#[test]
fn huge_strings_are_refused_before_they_exist() {
    check_limited("{{ ('x' * 10**9)|length }}");
    check_limited("{{ 'x' * 99000000 }}");
    check_limited(
        "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s|length }}",
    );
    check_limited(
        "{% set ns = namespace(s='xy') %}{% for i in range(60) %}{% set ns.s = ns.s.replace('x', ns.s) %}{% endfor %}{{ ns.s|length }}",
    );
    check_limited(
        "{% set ns = namespace(s='xy') %}{% for i in range(60) %}{% set ns.s = ns.s|replace('x', ns.s) %}{% endfor %}{{ ns.s|length }}",
    );
    check_limited(
        "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s %}{{ ns.s }}{{ ns.s }}{% endset %}{% endfor %}{{ ns.s|length }}",
    );
    check_limited(
        "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s.join([ns.s, ns.s, ns.s]) %}{% endfor %}{{ ns.s|length }}",
    );
    check_limited("{{ ('x ' * 3000000).split() | length }}");
    check_refused("{{ '{:999999999}'.format('x')|length }}");
    check_refused("{{ '%999999999s'|format('x')|length }}");
    check_refused("{{ 'x'|indent(999999999, true)|length }}");
    check_refused("{{ [1]|tojson(indent=999999999)|length }}");
}

#[test]
fn values_that_repeat_themselves_do_not_unfold() {
    let build = "{% set ns = namespace(v=[1]) %}{% for i in range(60) %}{% set ns.v = [ns.v, ns.v] %}{% endfor %}";
    for end in [
        "{{ ns.v|tojson|length }}",
        "{{ ns.v|string|length }}",
        "{% set text %}{{ ns.v }}{% endset %}{{ text|length }}",
        "{{ ns.v }}",
        "{{ ns.v|pprint|length }}",
        "{{ ','.join(ns.v)|length }}",
        "{{ ns.v|join(',')|length }}",
        "{{ '{}'.format(ns.v)|length }}",
    ] {
        check_refused(&format!("{build}{end}"));
    }
}

#[test]
fn deep_nesting_does_not_use_up_the_stack() {
    check_limited("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(1) }}");
    let begin = "{% set ns = namespace(v=[1]) %}{% for i in range(99999) %}{% set ns.v = ";
    let (open, close) = ("[".repeat(40), "]".repeat(40));
    for step in [&format!("{open}ns.v{close}"), "{'a': ns.v}"] {
        for end in ["{{ ns.v|tojson }}", "{{ ns.v|string|length }}", "done"] {
            check_refused(&format!("{begin}{step} %}}{{% endfor %}}{end}"));
        }
    }
}

#[test]
fn deep_sources_do_not_use_up_the_stack() {
    let fill = |begin: &str, step: &str, end: &str| {
        let num_steps = (MAX_TEMPLATE_BYTES - begin.len() - end.len()) / step.len();
        format!("{begin}{}{end}", step.repeat(num_steps))
    };
    check_refused(&fill("{{ messages", ".a", " }}"));
    assert!(render(&fill("{{ messages", "|list", " }}")).is_ok());
    check_refused(&fill("{{ ", "(", " }}"));
    check_refused(&fill("", "{% if true %}", ""));
    assert_eq!(render(&fill("{% if 0 %}", "{%elif 0%}", "{% endif %}")), Ok(String::new()));
    assert!(render(&fill("{{ 1", "+1", " }}")).is_ok());
    assert!(render(&fill("{{ ", "not ", "1 }}")).is_ok());
}

#[test]
fn the_limits_are_where_they_say() {
    let at_limit = "x".repeat(MAX_TEMPLATE_BYTES);
    assert_eq!(render(&at_limit).map(|text| text.len()), Ok(MAX_TEMPLATE_BYTES));
    check_limited(&format!("{at_limit}x"));
    // The output is limited by fuel first unless the input is large.
    let messages = json!(vec![json!({ "role": "user", "content": "y".repeat(1 << 20) }); 33]);
    let template = ChatTemplate::new("{% for m in messages %}{{ m.content }}{% endfor %}", "", "");
    let context = ChatContext {
        messages: &messages,
        tools: None,
        add_generation_prompt: false,
        continue_final_message: false,
        extra: None,
    };
    let rendered = template.unwrap().render(&context);
    let limit = MAX_OUTPUT_BYTES as u64;
    assert_eq!(rendered, Err(TemplateError::Limit { what: "size of the prompt in bytes", limit }));
}

#[test]
fn nothing_of_the_process_is_in_reach() {
    for source in [
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.__class__.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ debug() }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}{{ os.environ }}",
        "{% extends 'base' %}",
    ] {
        check_refused(source);
    }
    assert_eq!(render("{{ self }}{{ environ }}{{ env }}"), Ok(String::new()));
}

#[test]
fn conversations_of_any_text_render() {
    let source = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}";
    let template = ChatTemplate::new(source, "", "").unwrap();
    for content in
        ["", "\0", "{{ 10**9 }}{% raw %}", "<|im_end|><s>", "\u{feff}\u{202e}", "\u{1f600}"]
    {
        let messages = json!([{ "role": "user", "content": content }]);
        let context = ChatContext {
            messages: &messages,
            tools: None,
            add_generation_prompt: false,
            continue_final_message: false,
            extra: None,
        };
        let expected = format!("[user] {content}\n");
        assert_eq!(template.render(&context), Ok(expected));
    }
}
