"""Errors as the official client sees them."""

import openai
import pytest


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", 2.5),
        ("temperature", -0.1),
        ("top_p", 0),
        ("top_p", 1.5),
        ("presence_penalty", 3),
        ("frequency_penalty", -3),
        ("max_tokens", 0),
        ("n", 0),
        ("stop", ["a", "b", "c", "d", "e"]),
        ("stop", [""]),
        ("top_logprobs", 3),
        ("logit_bias", {"999999999": 1}),
        ("stream_options", {"include_usage": True}),
    ],
)
def test_bad_field_is_named(client, model, messages, field, value):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=model, messages=messages, **{field: value})
    assert caught.value.status_code == 400
    assert caught.value.param.startswith(field)
    assert caught.value.type == "invalid_request_error"
    assert caught.value.code is None or isinstance(caught.value.code, str)


def test_wrong_type_is_a_bad_request(client, model, messages):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model=model, messages=messages, extra_body={"temperature": "hot"}
        )
    assert "temperature" in caught.value.param


def test_greedy_with_several_choices(client, model, messages):
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=model, messages=messages, n=2, temperature=0)


def test_unknown_model(client, messages):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="no/such-model", messages=messages)
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert "no/such-model" in caught.value.message


def test_prompt_over_the_context(client, model):
    limit = client.models.retrieve(model).model_extra["max_model_len"]
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model=model, prompt=[5] * (limit + 1), max_tokens=1)
    assert caught.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model=model, prompt=[5] * 10, max_tokens=limit)
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "max_tokens")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tools", [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]),
        ("response_format", {"type": "json_object"}),
    ],
)
def test_features_to_come_are_refused_not_ignored(client, model, messages, field, value):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=model, messages=messages, **{field: value})
    assert caught.value.param.startswith(field)


def test_token_ids_outside_the_vocabulary(client, model):
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model=model, prompt=[2**31 - 1], max_tokens=1)
    assert caught.value.param == "prompt"
