"""While any body up to the limit is being answered, the health check of the same process is answered, too."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest

from tests.fuzz.hostile import BODIES
from tests.fuzz.watched import HEADERS, LONG, SECONDS, Processes, Watched, said, told

LIMIT = 41_943_040 if LONG else 10_485_760
_ATTEMPTS = 4


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    processes = Processes(tmp_path_factory.mktemp("answering"))
    try:
        canvas = processes.start("sandbox", "--port", "0", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        port = said(canvas, "stdout", r":(\d+)$")
        yield processes.serve(port, ("server: {", f"server: {{body_limit_bytes: {LIMIT}, "))
    finally:
        processes.end()


@pytest.mark.parametrize("name", BODIES)
def test_the_health_check_is_answered_while_a_body_is(gateway: Watched, name: str) -> None:
    body = BODIES[name](LIMIT)
    assert len(body) <= LIMIT
    longest: list[float] = []
    for _ in range(_ATTEMPTS):  # what blocks does so every time; what other processes take, not
        with gateway.watching() as taken:
            began = time.perf_counter()
            status, answer = gateway.post(body)
            answered = time.perf_counter() - began
        longest.append(max(taken))
        if longest[-1] < SECONDS:
            break
    told(name, min(longest), f"{status} in {answered:.2f} s, {len(answer)} bytes")
    assert min(longest) < SECONDS
    assert status in (200, 400, 422)
    if status != 200:
        assert len(answer) <= 64 * 1024
        assert 1 <= len(json.loads(answer)["Meta"]["Errors"]) <= 101


def test_the_health_check_is_answered_while_many_bodies_are(gateway: Watched) -> None:
    """Several of each kind at once, with the token of the site, another one, and none."""
    size = LIMIT // 4
    bodies = [make(size) for make in BODIES.values()]
    tokens = [HEADERS, HEADERS, {**HEADERS, "verification-token": "wrong"}, {"Content-Type": "text/plain"}]
    posts = [(body, tokens[number % 4]) for number, body in enumerate(bodies * 2)]
    statuses: list[int] = []

    def send(mine: list[tuple[bytes, dict[str, str]]]) -> None:
        statuses.extend(gateway.post(*each)[0] for each in mine)

    longest: list[float] = []
    for _ in range(_ATTEMPTS):
        threads = [threading.Thread(target=send, args=(posts[start::8],)) for start in range(8)]
        with gateway.watching() as taken:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        longest.append(max(taken))
        if longest[-1] < SECONDS:
            break
    told("all of them, eight at a time", min(longest), f"{len(taken)} health checks")
    assert min(longest) < SECONDS
    assert {200, 400, 422} & set(statuses)
    assert not {status for status in statuses if status >= 500}
