"""``gateway serve`` of two sites with a folder of tables that tests edit while it serves."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import subprocess
import threading
from pathlib import Path
from typing import Any

from .conftest import SAMPLE, said

TOKEN = "canary-8d03b6f1e75a"
SITE = """\
  - id: %(id)s
    timezone: America/Los_Angeles
    redox: {destination_ids: [%(id)s-redox], verification_token: "${TOKEN}"}
    fhir: {clients: [{id: app, token_sha256: %(digest)s}]}
    upstream: {dialect: canvas, base_url: "http://127.0.0.1:%(upstream)s"}
"""
EDITION = """\
errors:
  - {failure: connect, status: 502, type: transmission, issue: transient, text: Edition %(number)s.}
  - {failure: status, status: 502, type: transmission, issue: transient, text: Edition %(number)s.}
  - {failure: breaker, status: 503, type: transmission, issue: transient, text: Edition %(number)s.}
"""
FAULTY = "errors:\n  - {failur: connect}\n"


def message(site: str) -> bytes:
    value = json.loads(SAMPLE.read_bytes())
    value["Meta"]["Destinations"] = [{"ID": f"{site}-redox", "Name": None}]
    return json.dumps(value).encode()


class Folder:
    """A configuration of the sites ``north`` and ``south``, and their own tables."""

    def __init__(
        self,
        folder: Path,
        more: str = "",
        sites: tuple[str, ...] = ("north", "south"),
        upstream: int = 9,
    ) -> None:
        self.own = folder / "own"
        self.config = folder / "gateway.yaml"
        digest = hashlib.sha256(TOKEN.encode()).hexdigest()
        head = (
            "server: {port: 0, shutdown_grace_seconds: 0.2}\nadmin: {port: 0}\nlog: {level: info}\n"
            f"mappings: own\n{more}sites:\n"
        )
        told = {"digest": digest, "upstream": upstream}
        self.config.write_text(head + "".join(SITE % {"id": each, **told} for each in sites))
        for site in sites:
            self.edit(site, 0)

    def file(self, site: str) -> Path:
        return self.own / "sites" / site / "errors.yaml"

    def edit(self, site: str, number: int) -> None:
        """Tables of that number, which stands in what the site answers."""
        self.write(site, EDITION % {"number": number})

    def spoil(self, site: str) -> None:
        """Tables that have one fault, at ``errors.yaml:2:5``."""
        self.write(site, FAULTY)

    def write(self, site: str, text: str) -> None:
        path = self.file(site)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_text(text)
        os.replace(draft, path)


class Served:
    """The process, its output read as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self.admin, self.port = 0, 0
        while not (self.admin and self.port):
            found = said(process, r"^(public|admin )  http://127\.0\.0\.1:(\d+)")
            if found[1] == "public":
                self.port = int(found[2])
            else:
                self.admin = int(found[2])
        streams = ((process.stdout, self._take), (process.stderr, lambda _line: None))
        for stream, take in streams:
            threading.Thread(target=lambda s=stream, t=take: [t(line) for line in s], daemon=True).start()

    def _take(self, line: str) -> None:
        self.lines.append(json.loads(line))

    def told(self, event: str) -> list[dict[str, Any]]:
        return [line for line in list(self.lines) if line["event"] == event]

    def ready(self) -> dict[str, Any]:
        _, _, body = request(self.admin, "GET", "/readyz")
        told: dict[str, Any] = json.loads(body)
        return told

    def metrics(self) -> str:
        return request(self.admin, "GET", "/metrics")[2].decode()

    def metric(self, name: str) -> list[float]:
        found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", self.metrics(), re.MULTILINE)
        return [float(each) for each in found]

    def hashes(self, site: str) -> set[str]:
        """Of the tables of a site, in each of the processes that answer."""
        page = self.metrics()
        return set(re.findall(rf'gateway_tables_info{{[^}}]*hash="(\w+)",site="{site}"}} 1\.0', page))

    def edition(self, site: str) -> tuple[int, int, str]:
        """Ask a site: its status, the number of its tables (-1: left out), and their hash."""
        headers = {
            "verification-token": TOKEN,
            "Content-Type": "application/json",
            "X-Gateway-Explain": "tables",
        }
        status, sent, body = request(self.port, "POST", "/redox", message(site), headers)
        [error] = json.loads(body)["Meta"]["Errors"]
        found = re.search(r"Edition (\d+)\.", error["Text"])
        return status, int(found[1]) if found else -1, sent.get("X-Gateway-Tables", "")


def request(
    port: int, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()
