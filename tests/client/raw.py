"""Plain HTTP for what the official client does not do or would hide."""

import json
import urllib.request

TIMEOUT_S = 120


def post(url, body):
    """An open response to a JSON request."""
    request = urllib.request.Request(
        url, data=json.dumps(body).encode(), headers={"content-type": "application/json"}
    )
    return urllib.request.urlopen(request, timeout=TIMEOUT_S)


def post_json(url, body):
    with post(url, body) as response:
        return json.load(response)


def get_text(url):
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:
        return response.read().decode()


def gauge(url, name):
    """Sum over the series of one metric."""
    lines = [
        line
        for line in get_text(f"{url}/metrics").splitlines()
        if line.startswith((f"{name}{{", f"{name} "))
    ]
    assert lines, f"{name} is not in /metrics"
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)
