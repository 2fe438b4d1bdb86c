"""Many streams at once, streams broken off, and the bytes of one stream."""

import asyncio
import json
import time

import raw

NUM_STREAMS = 16


def test_concurrent_streams_keep_to_themselves(client, async_client, model):
    """Each of many greedy streams gives what its request gives alone."""
    requests = [
        dict(
            model=model, temperature=0, max_tokens=8 + 2 * (i % 4),
            messages=[{"role": "user", "content": f"Tell me about the number {i}."}],
        )
        for i in range(NUM_STREAMS)
    ]

    async def read(client, request):
        stream = await client.chat.completions.create(
            **request, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        finishes = [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
        return text, finishes, chunks[-1].usage.completion_tokens

    async def read_all():
        async with async_client() as client:
            return await asyncio.gather(*(read(client, request) for request in requests))

    for request, (text, finishes, count) in zip(requests, asyncio.run(read_all())):
        alone = client.chat.completions.create(**request)
        assert text == alone.choices[0].message.content
        assert finishes == [alone.choices[0].finish_reason]
        assert count == alone.usage.completion_tokens


def num_aborted(url):
    lines = [
        line
        for line in raw.get_text(f"{url}/metrics").splitlines()
        if line.startswith("vllm:request_success_total{") and 'finished_reason="abort"' in line
    ]
    assert lines, "aborted requests are not counted"
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def wait_until_aborted(url, wanted):
    """Waits for that many aborted requests, and for nothing to be left of them. A request that goes
    on without a reader ends by its length and never counts."""
    deadline = time.monotonic() + raw.TIMEOUT_S
    names = ("vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc")
    while num_aborted(url) < wanted or any(raw.gauge(url, name) for name in names):
        assert time.monotonic() < deadline, "a request that nobody reads is still in the engine"
        time.sleep(0.02)
    assert num_aborted(url) == wanted


def wait_until_running(url):
    deadline = time.monotonic() + raw.TIMEOUT_S
    while raw.gauge(url, "vllm:num_requests_running") == 0:
        assert time.monotonic() < deadline, "the request never ran"
        time.sleep(0.02)


def test_closed_stream_ends_its_request(client, model, messages, url):
    before = num_aborted(url)
    stream = client.chat.completions.create(
        model=model, messages=messages, max_tokens=2000, temperature=0, stream=True,
        extra_body={"ignore_eos": True},
    )
    for _, _chunk in zip(range(3), stream):
        pass
    assert raw.gauge(url, "vllm:num_requests_running") == 1, "it runs while it is read"
    stream.close()
    wait_until_aborted(url, before + 1)


def test_cancelled_task_ends_its_request(async_client, model, messages, url):
    """Cancelling the task that waits for an answer, streamed or not, ends the request."""

    async def ask(client, started, stream):
        request = dict(
            model=model, messages=messages, max_tokens=2000, temperature=0,
            extra_body={"ignore_eos": True},
        )
        if not stream:
            return await client.chat.completions.create(**request)
        async for _chunk in await client.chat.completions.create(**request, stream=True):
            started.set()

    async def cancel(stream):
        async with async_client() as client:
            started = asyncio.Event()
            task = asyncio.create_task(ask(client, started, stream))
            if stream:
                await started.wait()
            else:
                await asyncio.to_thread(wait_until_running, url)
            task.cancel()
            [outcome] = await asyncio.gather(task, return_exceptions=True)
            assert isinstance(outcome, asyncio.CancelledError)

    before = num_aborted(url)
    for number, stream in enumerate((True, False), start=1):
        asyncio.run(cancel(stream))
        wait_until_aborted(url, before + number)


def test_many_closed_streams_leave_nothing_behind(async_client, model, messages, url):
    async def read_a_little(client, count):
        stream = await client.chat.completions.create(
            model=model, messages=messages, max_tokens=2000, temperature=0, stream=True,
            extra_body={"ignore_eos": True},
        )
        for _ in range(count):
            await anext(stream)
        await stream.close()

    async def read_all():
        async with async_client() as client:
            await asyncio.gather(*(read_a_little(client, 1 + i % 5) for i in range(NUM_STREAMS)))

    before = num_aborted(url)
    asyncio.run(read_all())
    wait_until_aborted(url, before + NUM_STREAMS)


def test_bytes_of_a_stream(model, messages, url):
    body = {
        "model": model, "messages": messages, "max_tokens": 4, "temperature": 0, "stream": True,
        "stream_options": {"include_usage": True},
    }
    with raw.post(f"{url}/v1/chat/completions", body) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        text = response.read().decode()
    assert text.endswith("data: [DONE]\n\n")
    events = text.removesuffix("\n\n").split("\n\n")
    assert all(event.startswith("data: ") and "\n" not in event for event in events)
    assert [e for e in events if e == "data: [DONE]"] == events[-1:]
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-1]]
    first, *_, last, usage = chunks
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert first["choices"][0]["finish_reason"] is None
    assert last["choices"][0]["finish_reason"] in ("length", "stop")
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] <= 4
    for chunk in chunks:
        assert chunk["object"] == "chat.completion.chunk"
        assert chunk["model"] == model
