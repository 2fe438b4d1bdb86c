"""Chat completions through the official client."""


def text_of(chunks):
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def finish_of(chunks, index=0):
    reasons = [
        choice.finish_reason
        for chunk in chunks
        for choice in chunk.choices
        if choice.index == index and choice.finish_reason
    ]
    assert len(reasons) == 1, f"choice {index} must finish exactly once: {reasons}"
    return reasons[0]


def test_answer_and_usage(client, model, messages):
    answer = client.chat.completions.create(
        model=model, messages=messages, max_tokens=12, temperature=0
    )
    assert answer.object == "chat.completion"
    assert answer.model == model
    assert answer.id.startswith("chatcmpl-")
    [choice] = answer.choices
    assert (choice.index, choice.message.role) == (0, "assistant")
    assert choice.message.content
    assert choice.message.tool_calls is None
    assert choice.finish_reason in ("length", "stop")
    usage = answer.usage
    assert usage.prompt_tokens > 0
    assert 1 <= usage.completion_tokens <= 12
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.prompt_tokens_details.cached_tokens >= 0


def test_stream_equals_answer(client, model, messages):
    request = dict(model=model, messages=messages, max_tokens=24, temperature=0)
    whole = client.chat.completions.create(**request)
    chunks = list(client.chat.completions.create(**request, stream=True))
    assert {c.object for c in chunks} == {"chat.completion.chunk"}
    assert len({c.id for c in chunks}) == 1
    first = chunks[0].choices[0].delta
    assert (first.role, first.content) == ("assistant", "")
    assert text_of(chunks) == whole.choices[0].message.content
    assert finish_of(chunks) == whole.choices[0].finish_reason
    assert all(c.usage is None for c in chunks)


def test_streaming_helper_puts_the_answer_together(client, model, messages):
    """The client's own accumulation of a stream: events, snapshot, parsed final answer."""
    request = dict(model=model, messages=messages, max_tokens=24, temperature=0)
    full = client.chat.completions.create(**request).choices[0].message.content
    # The helper takes an answer that ended for its length for an error, so this one is stopped.
    request["stop"] = full[20:26]
    whole = client.chat.completions.create(**request)
    with client.chat.completions.stream(
        **request, logprobs=True, stream_options={"include_usage": True}
    ) as stream:
        events = list(stream)
        final = stream.get_final_completion()
    [choice], [expected] = final.choices, whole.choices
    assert choice.message.role == "assistant"
    assert choice.message.content == expected.message.content
    assert choice.finish_reason == expected.finish_reason == "stop"
    assert final.usage.completion_tokens == whole.usage.completion_tokens
    assert len(choice.logprobs.content) == final.usage.completion_tokens
    deltas = [event.delta for event in events if event.type == "content.delta"]
    assert "".join(deltas) == choice.message.content
    [done] = [event for event in events if event.type == "content.done"]
    assert done.content == choice.message.content


def test_usage_chunk_comes_last(client, model, messages):
    chunks = list(
        client.chat.completions.create(
            model=model, messages=messages, max_tokens=5, temperature=0, stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert chunks[-1].choices == []
    assert 1 <= chunks[-1].usage.completion_tokens <= 5
    assert all(c.usage is None for c in chunks[:-1])


def test_max_tokens_one(client, model, messages):
    answer = client.chat.completions.create(
        model=model, messages=messages, max_completion_tokens=1, temperature=0
    )
    assert answer.usage.completion_tokens == 1
    assert answer.choices[0].finish_reason == "length"


def test_seed_repeats_and_n_differs(client, model, messages):
    request = dict(
        model=model, messages=messages, max_tokens=16, temperature=1.5, seed=7, n=2
    )
    first, second = (client.chat.completions.create(**request) for _ in range(2))
    texts = [c.message.content for c in first.choices]
    assert [c.index for c in first.choices] == [0, 1]
    assert texts == [c.message.content for c in second.choices]
    assert texts[0] != texts[1], "the choices of one request must not share their randomness"


def test_streamed_choices_are_those_of_the_answer(client, model, messages):
    request = dict(model=model, messages=messages, max_tokens=10, temperature=1.2, seed=3, n=2)
    whole = client.chat.completions.create(**request)
    texts = {0: "", 1: ""}
    chunks = list(client.chat.completions.create(**request, stream=True))
    for chunk in chunks:
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == {c.index: c.message.content for c in whole.choices}
    assert {finish_of(chunks, 0), finish_of(chunks, 1)} <= {"length", "stop"}


def test_stop_string_is_cut_off(client, model, messages):
    request = dict(model=model, messages=messages, max_tokens=24, temperature=0)
    full = client.chat.completions.create(**request).choices[0].message.content
    # A stop string that begins and ends within tokens and spans at least one boundary.
    stop = full[5:12]
    answer = client.chat.completions.create(**request, stop=[stop, "\u2603never"]).choices[0]
    assert answer.message.content == full[: full.index(stop)]
    assert answer.finish_reason == "stop"
    assert answer.model_extra["stop_reason"] == stop
    chunks = list(client.chat.completions.create(**request, stop=stop, stream=True))
    assert text_of(chunks) == answer.message.content, "nothing of the stop string may leak"
    kept = client.chat.completions.create(
        **request, stop=stop, extra_body={"include_stop_str_in_output": True}
    )
    assert kept.choices[0].message.content == full[: full.index(stop) + len(stop)]


def test_logprobs(client, model, messages):
    request = dict(
        model=model, messages=messages, max_tokens=6, temperature=0, logprobs=True, top_logprobs=3
    )
    answer = client.chat.completions.create(**request)
    content = answer.choices[0].logprobs.content
    assert len(content) == answer.usage.completion_tokens
    for token in content:
        assert token.logprob <= 0
        assert len(token.top_logprobs) == 3
        ranked = [t.logprob for t in token.top_logprobs]
        assert ranked == sorted(ranked, reverse=True)
        assert token.token == token.top_logprobs[0].token, "greedy takes the most likely token"
        assert abs(token.logprob - ranked[0]) < 1e-6
    chunks = list(client.chat.completions.create(**request, stream=True))
    streamed = [
        token
        for chunk in chunks
        for choice in chunk.choices
        if choice.logprobs
        for token in choice.logprobs.content or []
    ]
    assert [t.token for t in streamed] == [t.token for t in content]
    assert all(abs(a.logprob - b.logprob) < 1e-3 for a, b in zip(streamed, content))


def test_logprob_bytes_make_up_the_text(client, model, messages):
    answer = client.chat.completions.create(
        model=model, messages=messages, max_tokens=12, temperature=0, logprobs=True
    )
    choice = answer.choices[0]
    if choice.finish_reason == "length":
        joined = b"".join(bytes(t.bytes) for t in choice.logprobs.content)
        assert joined.decode("utf-8", "ignore").startswith(choice.message.content.rstrip("\ufffd"))
    else:
        assert choice.finish_reason == "stop"


def test_logit_bias_decides(client, model, url, messages):
    import raw

    [token] = raw.post_json(f"{url}/tokenize", {"prompt": "!", "add_special_tokens": False})["tokens"]
    answer = client.chat.completions.create(
        model=model, messages=messages, max_tokens=3, temperature=0, logit_bias={str(token): 100}
    )
    assert answer.choices[0].message.content == "!!!"
