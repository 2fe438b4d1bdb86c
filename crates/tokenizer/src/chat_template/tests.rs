use serde_json::json;

use super::*;

fn context<'a>(messages: &'a Json) -> ChatContext<'a> {
    ChatContext {
        messages,
        tools: None,
        add_generation_prompt: false,
        continue_final_message: false,
        extra: None,
    }
}

/// Renders a template with one variable `x`.
fn check(source: &str, x: Json, expected: &str) {
    let template = ChatTemplate::new(source, "<s>", "</s>").unwrap();
    let extra = Map::from_iter([("x".to_owned(), x)]);
    let messages = json!([{ "role": "user", "content": "Hi" }]);
    let rendered = template.render(&ChatContext { extra: Some(&extra), ..context(&messages) });
    assert_eq!(rendered.as_deref(), Ok(expected), "{source}");
}

const CHATML: &str = "{% for message in messages %}
    {{- '<|im_start|>' + message['role'] + '\n' + message.content + '<|im_end|>' + '\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
{%- endif %}
";

#[test]
fn a_conversation_in_chatml() {
    let template = ChatTemplate::new(CHATML, "", "").unwrap();
    let messages = json!([
        { "role": "system", "content": "Be brief." },
        { "role": "user", "content": "<b>&\"Hi\"</b>" },
    ]);
    let expected =
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n<b>&\"Hi\"</b><|im_end|>\n";
    assert_eq!(template.render(&context(&messages)).unwrap(), expected);
    let prompted = ChatContext { add_generation_prompt: true, ..context(&messages) };
    assert_eq!(template.render(&prompted).unwrap(), format!("{expected}<|im_start|>assistant\n"));
    assert_eq!(template.source(), CHATML);
}

#[test]
fn constructs_of_real_templates() {
    let list = json!(["a", "b", "c"]);
    for (source, x, expected) in [
        ("{{ bos_token }}{{ eos_token }}{{ nothing }}", json!(0), "<s></s>"),
        (
            "{% set ns = namespace(n=0) %}{% for i in x %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
            list.clone(),
            "3",
        ),
        (
            "{% for i in x %}{% if i == 'b' %}{% continue %}{% endif %}{{ i }}{% endfor %}",
            list.clone(),
            "ac",
        ),
        (
            "{% for i in x %}{% if i == 'b' %}{% break %}{% endif %}{{ i }}{% endfor %}",
            list.clone(),
            "a",
        ),
        (
            "{% for i in x[1:] %}{{ loop.index0 }}{{ i }}{{ ',' if not loop.last }}{% endfor %}",
            list.clone(),
            "0b,1c",
        ),
        ("{{ x[::-1]|join('') }}{{ x[-1] }}", list.clone(), "cbac"),
        (
            "{% macro tag(name, body='') %}<{{ name }}>{{ body }}</{{ name }}>{% endmacro %}{{ tag('b', x) }}",
            json!("t"),
            "<b>t</b>",
        ),
        ("{{ x.strip().split('</think>')[-1].lstrip('\\n') }}", json!(" r</think>\n\nyes "), "yes"),
        (
            "{{ x.startswith('a') }} {{ x.endswith('a') }} {{ x.upper() }} {{ x.replace('b', 'c') }}",
            json!("ab"),
            "True False AB ac",
        ),
        (
            "{% for k, v in x.items() %}{{ k ~ '=' ~ v ~ ';' }}{% endfor %}{{ x.get('q', 'none') }}",
            json!({ "b": 1, "a": 2 }),
            "b=1;a=2;none",
        ),
        ("{{ 'yes' if x is defined and x is not none and y is undefined }}", json!(1), "yes"),
        (
            "{{ x is string }} {{ x is mapping }} {{ x is iterable }} {{ x is number }}",
            json!("s"),
            "True False True False",
        ),
        ("{% if x %}\n  {% set y = x %}\n  {{ y }}\n{% endif %}\n", json!("s"), "  s\n"),
        (
            "{{ x | map(attribute='n') | list | length }} {{ x|selectattr('n', 'equalto', 2)|list|length }}",
            json!([{ "n": 1 }, { "n": 2 }]),
            "2 1",
        ),
        ("{% generation %}{{ x }}{% endgeneration %}", json!("g"), "g"),
        ("{% filter trim %}  {{ x }}  {% endfilter %}", json!("f"), "f"),
        ("{{ strftime_now('%Y')|length }}", json!(0), "4"),
    ] {
        check(source, x, expected);
    }
}

#[test]
fn tojson_is_pythons_dumps() {
    let value = json!({ "b": [1, 2.0, true, null, "\u{e9}\"<&>\n"], "a": {}, "c": [] });
    check(
        "{{ x|tojson }}",
        value.clone(),
        "{\"b\": [1, 2.0, true, null, \"\u{e9}\\\"<&>\\n\"], \"a\": {}, \"c\": []}",
    );
    check(
        "{{ x|tojson(indent=2) }}",
        json!({ "b": [1, 2], "a": {} }),
        "{\n  \"b\": [\n    1,\n    2\n  ],\n  \"a\": {}\n}",
    );
    check("{{ x|tojson(separators=(',', ':')) }}", json!({ "a": [1, 2] }), "{\"a\":[1,2]}");
    check(
        "{{ x|tojson(ensure_ascii=true) }}",
        json!("\u{e9}\u{1f600}"),
        "\"\\u00e9\\ud83d\\ude00\"",
    );
    check("{{ x|tojson(sort_keys=true) }}", json!({ "b": 1, "a": 2 }), "{\"a\": 2, \"b\": 1}");
    check("{{ {1: x, none: 2}|tojson }}", json!(1), "{\"1\": 1, \"null\": 2}");
    check("{{ (x|tojson) ~ '<' }}", json!("<"), "\"<\"<");
    check("{{ x|tojson }}", json!(u64::MAX), "18446744073709551615");
}

#[test]
fn a_template_can_refuse_a_conversation() {
    let source = "{% macro m() %}{{ raise_exception('roles must ' ~ 'alternate') }}{% endmacro %}{% for a in messages %}{{ m() }}{% endfor %}";
    let template = ChatTemplate::new(source, "", "").unwrap();
    let messages = json!([{ "role": "user", "content": "Hi" }]);
    let error = template.render(&context(&messages)).unwrap_err();
    assert_eq!(error, TemplateError::Raised("roles must alternate".to_owned()));
    let failing = ChatTemplate::new("{{ messages[5].content.x }}", "", "").unwrap();
    assert!(matches!(failing.render(&context(&messages)), Err(TemplateError::Failed(_))));
}

#[test]
fn errors_of_the_source_are_found_when_compiling() {
    let error = ChatTemplate::new("line one\n{% if %}", "", "").unwrap_err();
    assert!(matches!(error, TemplateError::Syntax { line: 2, .. }), "{error:?}");
}

#[test]
fn arguments_and_tools_reach_the_template_but_not_over_its_own_variables() {
    let source = "{{ tools is none }} {{ documents is none }} {{ enable_thinking }}";
    let template = ChatTemplate::new(source, "", "").unwrap();
    let messages = json!([]);
    let extra = Map::from_iter([("enable_thinking".to_owned(), json!(false))]);
    let with_extra = ChatContext { extra: Some(&extra), ..context(&messages) };
    assert_eq!(template.render(&with_extra).as_deref(), Ok("True True False"));
    let tools = json!([{ "type": "function" }]);
    let with_tools = ChatContext { tools: Some(&tools), ..with_extra };
    assert_eq!(template.render(&with_tools).as_deref(), Ok("False True False"));
    for name in RESERVED {
        let extra = Map::from_iter([(name.to_owned(), json!("x"))]);
        let error = template.render(&ChatContext { extra: Some(&extra), ..context(&messages) });
        assert!(matches!(error, Err(TemplateError::Request(_))), "{name}");
    }
}

#[test]
fn tool_arguments_are_objects_for_the_template() {
    let source =
        "{% for c in messages[0].tool_calls %}{{ c.function.arguments|tojson }};{% endfor %}";
    let template = ChatTemplate::new(source, "", "").unwrap();
    let call = |arguments: Json| json!({ "function": { "name": "f", "arguments": arguments } });
    let messages = json!([{ "role": "assistant", "tool_calls": [
        call(json!("{\"b\": 1, \"a\": [2]}")), call(json!({ "c": 3 })), call(json!("no json")),
    ] }]);
    let expected = "{\"b\": 1, \"a\": [2]};{\"c\": 3};\"no json\";";
    assert_eq!(template.render(&context(&messages)).as_deref(), Ok(expected));
}

#[test]
fn the_last_message_can_be_continued() {
    let trimming = "{% for m in messages %}[{{ m.content|trim }}]{% endfor %}";
    let parts =
        "{% for m in messages %}[{% for p in m.content %}{{ p.text }}{% endfor %}]{% endfor %}";
    let hidden = "{% for m in messages[:-1] %}[{{ m.content }}]{% endfor %}";
    for (source, last, expected) in [
        (
            CHATML,
            json!("Sure, "),
            Some("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nSure, "),
        ),
        (trimming, json!(" Sure, "), Some("[Hi][Sure,")),
        (parts, json!([{ "text": "One" }, { "text": " two" }]), Some("[][One two")),
        (hidden, json!("Sure"), None),
        (CHATML, json!(null), None),
    ] {
        let template = ChatTemplate::new(source, "", "").unwrap();
        let first = if source == parts { json!([]) } else { json!("Hi") };
        let messages =
            json!([{ "role": "user", "content": first }, { "role": "assistant", "content": last }]);
        let continued = ChatContext { continue_final_message: true, ..context(&messages) };
        match (template.render(&continued), expected) {
            (Ok(text), Some(expected)) => assert_eq!(text, expected),
            (Err(TemplateError::Request(_)), None) => {}
            (other, _) => panic!("{source}: {other:?}"),
        }
        let both = ChatContext { add_generation_prompt: true, ..continued };
        assert!(matches!(template.render(&both), Err(TemplateError::Request(_))));
    }
}
