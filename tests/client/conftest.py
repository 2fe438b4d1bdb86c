"""What every client test needs: where the server is, and the official client for it.

ROPEWAY_URL is the server's root (http://127.0.0.1:8000), ROPEWAY_MODEL the id it serves. Both must
be set: a missing server is a failure, not a skip.
"""

import os

import openai
import pytest

TIMEOUT_S = 120


@pytest.fixture(scope="session")
def url():
    return os.environ["ROPEWAY_URL"].rstrip("/")


@pytest.fixture(scope="session")
def model():
    return os.environ["ROPEWAY_MODEL"]


@pytest.fixture(scope="session")
def client(url):
    # Strict validation: an answer that does not fit the client's own types is an error. No
    # retries: an error must show.
    with openai.OpenAI(
        base_url=f"{url}/v1",
        api_key="unused",
        max_retries=0,
        timeout=TIMEOUT_S,
        _strict_response_validation=True,
    ) as client:
        yield client


@pytest.fixture(scope="session")
def lenient_client(client):
    """For streams of text completions only: their `finish_reason` is null until the last chunk,
    from every server, but the client's type leaves null out."""
    return client.with_options(_extra_kwargs={"_strict_response_validation": False})


@pytest.fixture
def async_client(url):
    """Makes clients: each event loop needs its own."""
    return lambda: openai.AsyncOpenAI(
        base_url=f"{url}/v1", api_key="unused", max_retries=0, timeout=TIMEOUT_S
    )


@pytest.fixture
def messages():
    return [{"role": "user", "content": "Say something about the sea."}]
