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
        panic!("{source}: {} bytes: {:.80}", text.len(), text);
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
    check_limited("{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s|length }}");
    check_limited("{% set ns = namespace(s='xy') %}{% for i in range(60) %}{% set ns.s = ns.s.replace('x', ns.s) %}{% endfor %}{{ ns.s|length }}");
    check_limited("{% set ns = namespace(s='xy') %}{% for i in range(60) %}{% set ns.s = ns.s|replace('x', ns.s) %}{% endfor %}{{ ns.s|length }}");
    check_limited("{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s %}{{ ns.s }}{{ ns.s }}{% endset %}{% endfor %}{{ ns.s|length }}");
    check_limited("{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s.join([ns.s, ns.s, ns.s]) %}{% endfor %}{{ ns.s|length }}");
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
        "{{ (ns.v ~ '')|length }}",
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
    let deep_list = "{% set ns = namespace(v=[1]) %}{% for i in range(90000) %}{% set ns.v = [ns.v] %}{% endfor %}";
    for end in ["{{ ns.v|tojson }}", "{{ ns.v|string|length }}", "{{ (ns.v == ns.v) }}", "done"] {
        let _ = render(&format!("{deep_list}{end}"));
    }
    let parentheses = format!("{{{{ {}1{} }}}}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(matches!(render(&parentheses), Err(TemplateError::Syntax { .. })));
    let blocks = "{% if true %}".repeat(50_000);
    assert!(matches!(render(&blocks), Err(TemplateError::Syntax { .. })));
    let attributes = format!("{{{{ messages{} }}}}", ".a".repeat(100_000));
    check_refused(&attributes);
    let sum = format!("{{{{ 1{} }}}}", " + 1".repeat(100_000));
    let _ = render(&sum);
}
