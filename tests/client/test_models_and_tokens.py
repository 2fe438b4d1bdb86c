"""Models, tokenize and detokenize, health and version."""

import pytest

import raw


def test_models(client, model):
    [served] = [m for m in client.models.list().data if m.id == model]
    assert served.object == "model"
    assert served.model_extra["max_model_len"] > 0
    assert client.models.retrieve(model).id == model


@pytest.mark.parametrize(
    "text", ["Hello, world!", "  spaces  and\n\n newlines\t", "12345", "\u4f60\u597d \U0001f6a1 caf\u00e9", "x"]
)
def test_tokens_there_and_back(url, model, text):
    answer = raw.post_json(f"{url}/tokenize", {"model": model, "prompt": text})
    assert answer["count"] == len(answer["tokens"])
    assert answer["max_model_len"] > 0
    back = raw.post_json(f"{url}/detokenize", {"model": model, "tokens": answer["tokens"]})
    assert back["prompt"] == text


def test_tokenize_chat_counts_what_chat_uses(client, url, model, messages):
    tokens = raw.post_json(f"{url}/tokenize", {"model": model, "messages": messages})
    answer = client.chat.completions.create(model=model, messages=messages, max_tokens=1)
    assert answer.usage.prompt_tokens == tokens["count"]


@pytest.mark.parametrize("path", ["/health", "/livez", "/readyz", "/startupz", "/version", "/metrics"])
def test_probes_answer(url, path):
    raw.get_text(f"{url}{path}")
