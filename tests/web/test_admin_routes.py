from __future__ import annotations

from typing import Any

import pytest


async def test_alive_is_alive(served: Any) -> None:
    served.readiness.block("tables", "the tables are being read")
    async with served.client.get(served.admin("/healthz")) as response:
        assert (response.status, await response.json()) == (200, {"status": "ok"})


async def test_ready_when_nothing_blocks(served: Any) -> None:
    async def asked() -> tuple[int, Any]:
        async with served.client.get(served.admin("/readyz")) as response:
            return response.status, await response.json()

    assert await asked() == (200, {"ready": True, "reasons": []})
    served.readiness.block("tables", "the tables are being read")
    served.readiness.block("other", "other")
    assert await asked() == (503, {"ready": False, "reasons": ["the tables are being read", "other"]})
    served.readiness.clear("tables")
    served.readiness.clear("other")
    served.readiness.clear("other")
    assert (await asked())[0] == 200
    served.readiness.drain()
    assert await asked() == (503, {"ready": False, "reasons": ["the process is shutting down"]})


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/redox", 404), ("POST", "/healthz", 405), ("GET", "/", 404)]
)
async def test_the_admin_listener_has_only_its_own(served: Any, method: str, path: str, status: int) -> None:
    async with served.client.request(method, served.admin(path)) as response:
        assert response.status == status
        body = await response.json()
    assert [error["path"] for error in body["errors"]] == [""]
    assert served.lines() == []  # probes are not logged


async def test_the_public_listener_has_nothing_of_it(served: Any) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        async with served.client.get(served.url(path)) as response:
            assert response.status == 404
