"""KV cache events as vLLM's subscribers read them: libzmq for the sockets, msgspec for the structs.

ROPEWAY_KV_EVENTS and ROPEWAY_KV_REPLAY are the server's PUB and ROUTER addresses (tcp://...).
"""

import os

import msgspec
import pytest
import zmq

PATIENCE_MS = 60_000
END = (-1).to_bytes(8, "big", signed=True)


class Event(msgspec.Struct, array_like=True, tag=True):
    pass


class BlockStored(Event):
    block_hashes: list[int]
    parent_block_hash: int | None
    token_ids: list[int]
    block_size: int
    lora_id: int | None
    medium: str | None
    lora_name: str | None


class BlockRemoved(Event):
    block_hashes: list[int]
    medium: str | None


class AllBlocksCleared(Event):
    pass


class Batch(msgspec.Struct, array_like=True):
    ts: float
    events: list[BlockStored | BlockRemoved | AllBlocksCleared]
    data_parallel_rank: int | None = None


DECODER = msgspec.msgpack.Decoder(Batch)


@pytest.fixture
def connect():
    context = zmq.Context()
    sockets = []

    def connect(kind, variable, **options):
        socket = context.socket(kind)
        sockets.append(socket)
        socket.setsockopt(zmq.RCVTIMEO, PATIENCE_MS)
        for name, value in options.items():
            socket.setsockopt(getattr(zmq, name), value)
        socket.connect(os.environ[variable])
        return socket

    yield connect
    for socket in sockets:
        socket.close(linger=0)
    context.term()


def replay(socket):
    """Every kept batch from the first on, by number."""
    socket.send_multipart([b"", (0).to_bytes(8, "big")])
    batches = {}
    while True:
        _, number, payload = socket.recv_multipart()
        if number == END:
            return batches
        batches[int.from_bytes(number, "big")] = DECODER.decode(payload)


def test_blocks_are_told_live_and_again(client, model, connect):
    live = connect(zmq.SUB, "ROPEWAY_KV_EVENTS", SUBSCRIBE=b"kv@", HEARTBEAT_IVL=200)
    again = connect(zmq.DEALER, "ROPEWAY_KV_REPLAY")
    # A subscription has no answer: ask until the first event has come.
    for attempt in range(1_000):
        prompt = f"attempt {attempt}: " + "the valley and the mountain " * 20
        client.completions.create(model=model, prompt=prompt, max_tokens=1)
        if live.poll(100):
            break
    topic, number, payload = live.recv_multipart()
    assert topic == b"kv@10.0.0.7:8000@" + model.encode()
    number = int.from_bytes(number, "big")
    batch = DECODER.decode(payload)
    stored = [event for event in batch.events if isinstance(event, BlockStored)]
    assert stored and all(
        len(event.token_ids) == event.block_size * len(event.block_hashes) for event in stored
    )
    batches = replay(again)
    assert batches[number] == batch
    first = min(batches)
    assert sorted(batches) == list(range(first, max(batches) + 1))
    assert first > 0 or isinstance(batches[0].events[0], AllBlocksCleared)
