"""Text completions through the official client."""

PROMPT = "The capital of France is"


def text_of(chunks):
    return "".join(c.choices[0].text for c in chunks if c.choices)


def test_answer_and_defaults(client, model):
    answer = client.completions.create(model=model, prompt=PROMPT, temperature=0)
    assert answer.object == "text_completion"
    assert answer.id.startswith("cmpl-")
    assert answer.choices[0].text
    assert answer.usage.completion_tokens <= 16, "16 is the default of max_tokens"


def test_stream_equals_answer(client, lenient_client, model):
    request = dict(model=model, prompt=PROMPT, max_tokens=20, temperature=0)
    whole = client.completions.create(**request)
    chunks = list(
        lenient_client.completions.create(
            **request, stream=True, stream_options={"include_usage": True}
        )
    )
    assert text_of(chunks) == whole.choices[0].text
    finishes = [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
    assert finishes == [whole.choices[0].finish_reason]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_prompt_as_text_list_and_tokens(client, model, url):
    import raw

    other = "Water boils at"
    ask = lambda prompt: client.completions.create(
        model=model, prompt=prompt, max_tokens=8, temperature=0
    )
    alone, second = ask(PROMPT).choices[0].text, ask(other).choices[0].text
    both = ask([PROMPT, other])
    assert [c.index for c in both.choices] == [0, 1]
    assert [c.text for c in both.choices] == [alone, second]
    tokenized = [raw.post_json(f"{url}/tokenize", {"prompt": p})["tokens"] for p in (PROMPT, other)]
    assert ask(tokenized[0]).choices[0].text == alone
    assert [c.text for c in ask(tokenized).choices] == [alone, second]


def test_n_and_list_prompts_number_their_choices(client, model):
    answer = client.completions.create(
        model=model, prompt=[PROMPT, "Once upon"], n=2, max_tokens=8, temperature=1.3, seed=11
    )
    assert [c.index for c in answer.choices] == [0, 1, 2, 3]
    assert answer.choices[0].text != answer.choices[1].text


def test_logprobs(client, model):
    answer = client.completions.create(
        model=model, prompt=PROMPT, max_tokens=4, temperature=0, logprobs=2
    )
    logprobs = answer.choices[0].logprobs
    assert "".join(logprobs.tokens) == answer.choices[0].text
    assert len(logprobs.tokens) == len(logprobs.token_logprobs) == len(logprobs.text_offset)
    assert logprobs.text_offset[0] == 0
    for token, logprob, top in zip(logprobs.tokens, logprobs.token_logprobs, logprobs.top_logprobs):
        assert logprob <= 0
        assert len(top) == 2
        assert max(top, key=top.get) == token, "greedy takes the most likely token"
        assert top[token] == logprob, "the same number in both places"


def test_seed_repeats(client, model):
    request = dict(model=model, prompt=PROMPT, max_tokens=16, temperature=1.5)
    ask = lambda seed: client.completions.create(**request, seed=seed).choices[0].text
    assert ask(5) == ask(5)
    assert len({ask(seed) for seed in range(4)}) > 1


def test_max_tokens_one(client, model):
    answer = client.completions.create(model=model, prompt=PROMPT, max_tokens=1, temperature=0)
    assert (answer.usage.completion_tokens, answer.choices[0].finish_reason) == (1, "length")


def test_stop_string(client, model):
    request = dict(model=model, prompt="1 2 3 4 5 6", max_tokens=24, temperature=0)
    full = client.completions.create(**request).choices[0].text
    stop = full[4:7]
    answer = client.completions.create(**request, stop=stop).choices[0]
    assert answer.text == full[: full.index(stop)]
    assert answer.finish_reason == "stop"


def test_echo(client, model):
    answer = client.completions.create(
        model=model, prompt=PROMPT, max_tokens=4, temperature=0, echo=True
    )
    assert answer.choices[0].text.startswith(PROMPT)
    assert len(answer.choices[0].text) > len(PROMPT)
