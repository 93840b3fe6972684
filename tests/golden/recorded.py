"""An EHR that answers what is recorded in a case's ``upstream/*.json``, over real HTTP.

A file is either a resource, answered to every search for its name (``Slot.json``), or says more:
``{"to": "Slot", "with": {"schedule": "..."}, "status": 503, "after": 2, "headers": {}, "body": {}}`` is what
the search must name to get it, and how it is answered. Of several that fit, the one that asks for most wins.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web


@dataclass(frozen=True)
class Recorded:
    """One answer and the searches it is for."""

    to: str
    asked: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    after: float = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None

    def fits(self, request: web.Request) -> bool:
        named = all(request.query.get(name) == value for name, value in self.asked.items())
        return named and request.path == f"/{self.to}"


def read(folder: Path) -> list[Recorded]:
    """The answers of a folder."""
    found = []
    for path in sorted(folder.glob("*.json")):
        value = json.loads(path.read_bytes())
        if "resourceType" in value:
            found.append(Recorded(path.stem, body=value))
        else:
            found.append(Recorded(asked=value.pop("with", {}), **value))
    return found


def upstream(recorded: list[Recorded], seen: list[str]) -> web.Application:
    """The application; ``seen`` gets every search as ``Slot?schedule=...``, in plain characters."""

    async def answer(request: web.Request) -> web.Response:
        seen.append(unquote(request.raw_path.removeprefix("/")))
        fitting = [each for each in recorded if each.fits(request)]
        if not fitting:
            return web.json_response({"resourceType": "OperationOutcome"}, status=404)
        found = max(fitting, key=lambda each: len(each.asked))
        await asyncio.sleep(found.after)
        text = found.body if isinstance(found.body, str) else json.dumps(found.body)
        return web.Response(
            text=text, status=found.status, headers=found.headers, content_type="application/fhir+json"
        )

    app = web.Application()
    app.router.add_get("/{target}", answer)
    return app
