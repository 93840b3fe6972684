"""The shipped nginx.conf, with a real nginx that speaks TLS in front of a gateway: where its links lead."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.cli.ports import free_port
from tests.interop import neighbours
from tests.interop.neighbours import BEARER
from tests.interop.running import Gateway, Json
from tests.partner import nothing_empty

NAME = "gateway.example.org"
SHIPPED = Path(__file__).parents[2] / "deploy" / "nginx.conf"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
ASKED = "start=ge2025-10-22T00:00:00-07:00&start=lt2025-10-23T00:00:00-07:00&_count=20"


def nginx() -> str:
    """Where it is; without it the test is skipped, but in CI nothing may be left out."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("nginx is not installed, and in CI nothing may be left out")
    if found is None:
        pytest.skip("nginx is not installed")
    return found


class ThisMachine(AbstractResolver):
    """Knows the one name, and that it is here."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        assert host == NAME, "a link leads elsewhere"
        return [
            ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)
        ]

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class Fronted:
    """A gateway behind nginx, and a client that trusts the certificate. ``plain`` is the port without TLS."""

    gateway: Gateway
    session: aiohttp.ClientSession
    port: int
    plain: int

    async def ask(self, url: str, headers: Mapping[str, str] | None = None, status: int = 200) -> Json:
        """What is answered to a GET; ``url`` is absolute, or below the site's address."""
        whole = url if "://" in url else f"https://{NAME}:{self.port}/fhir/partner/{url}"
        async with self.session.get(whole, headers=headers) as response:
            body = await response.read()
            assert response.status == status, body
            told: Any = json.loads(body) if body.startswith(b"{") else {}
            return told


def configured(folder: Path, ports: tuple[int, int, int]) -> Path:
    """The shipped configuration with what its first lines say to replace, and with files below ``folder``."""
    text = SHIPPED.read_text("utf-8")
    plain, tls, gateway = ports
    (folder / "tmp").mkdir()
    temporary = "".join(f"    {each}_temp_path {folder}/tmp/{each};\n" for each in TEMPORARY)
    for old, new in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{tls} ssl;"),
        ("server 127.0.0.1:8080;", f"server 127.0.0.1:{gateway};"),
        ("/etc/nginx/tls/", f"{folder}/"),
        ("/var/log/nginx/", f"{folder}/"),
        ("worker_processes auto;", "worker_processes 1;"),
        ("    server_tokens off;\n", f"    server_tokens off;\n{temporary}"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    path = folder / "nginx.conf"
    path.write_text(text, "utf-8")
    return path


@asynccontextmanager
async def fronted(folder: Path) -> AsyncIterator[Fronted]:
    program = nginx()
    authority = trustme.CA()
    issued = authority.issue_cert(NAME)
    issued.private_key_pem.write_to_path(str(folder / f"{NAME}.key"))
    for each in issued.cert_chain_pems:
        each.write_to_path(str(folder / f"{NAME}.crt"), append=True)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with neighbours.partner_of_redox(folder / "partner") as gateway:
        plain, tls = free_port(0), free_port(0)
        path = configured(folder, (plain, tls, int(gateway.url.rpartition(":")[2])))
        command = [program, "-c", str(path), "-e", str(folder / "error.log")]
        # Who may change its user has to stay the one who owns the folder.
        user = "user root;" if os.geteuid() == 0 else ""
        command += ["-g", f"daemon off; pid {folder}/nginx.pid; {user}"]
        process = await asyncio.create_subprocess_exec(*command)
        connector = aiohttp.TCPConnector(resolver=ThisMachine(), ssl=context)
        try:
            await _listening(tls)
            async with aiohttp.ClientSession(
                connector=connector, headers={"Authorization": f"Bearer {BEARER}"}
            ) as session:
                yield Fronted(gateway, session, tls, plain)
        finally:
            process.terminate()
            await process.wait()


async def _listening(port: int) -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
    raise AssertionError("nginx does not listen")


async def test_links_lead_back_through_nginx(tmp_path: Path) -> None:
    async with fronted(tmp_path) as found:
        address = f"https://{NAME}:{found.port}/fhir/partner"
        page = await found.ask(f"Slot?{ASKED}&_include=Slot:schedule")
        seen = 0
        while True:
            assert nothing_empty(page)
            seen += sum(each["search"]["mode"] == "match" for each in page["entry"])
            assert all(each["url"].startswith(f"{address}/Slot?") for each in page["link"])
            assert all(each["fullUrl"].startswith(f"{address}/") for each in page["entry"])
            links = {each["relation"]: each["url"] for each in page["link"]}
            if "next" not in links:
                break
            page = await found.ask(links["next"])
        assert seen == page["total"] > 40
        read = await found.ask(page["entry"][0]["fullUrl"])
        assert read == page["entry"][0]["resource"]
        statement = await found.ask("metadata")
        assert statement["implementation"]["url"] == address


async def test_and_have_no_port_where_it_is_the_usual_one(tmp_path: Path) -> None:
    async with fronted(tmp_path) as found:
        told = await found.ask("metadata", {"Host": NAME})
        assert told["implementation"]["url"] == f"https://{NAME}/fhir/partner"


async def test_what_a_caller_says_of_its_way_reaches_nobody(tmp_path: Path) -> None:
    forged = {
        "Forwarded": "for=192.0.2.1;host=evil.example;proto=http",
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Port": "1",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-Proto": "http",
    }
    async with fronted(tmp_path) as found:
        told = await found.ask("metadata", forged)
        assert told["implementation"]["url"] == f"https://{NAME}:{found.port}/fhir/partner"
        (line,) = found.gateway.requests()
        assert (line["from"], "evil" in json.dumps(line)) == ("127.0.0.1", False)


async def test_nothing_is_answered_in_the_clear_and_no_search_is_written_down(tmp_path: Path) -> None:
    async with fronted(tmp_path) as found:
        await found.ask(f"http://{NAME}:{found.plain}/fhir/partner/Slot?{ASKED}", status=403)
        await found.ask(f"Slot?{ASKED}")
        assert len(found.gateway.requests()) == 1
    # Only now has nginx written all that it writes.
    written = (tmp_path / "gateway.log").read_text("utf-8")
    told = [json.loads(line) for line in written.splitlines()]
    assert sorted((each["status"], each["path"]) for each in told) == [
        (200, "/fhir/partner/Slot"),
        (403, "/fhir/partner/Slot"),
    ]
    assert "2025-10-22" not in written + (tmp_path / "gateway-error.log").read_text("utf-8")


async def test_nginx_and_the_gateway_log_one_id(tmp_path: Path) -> None:
    own = "4f6b-one.of_the-caller"
    async with fronted(tmp_path) as found:
        await found.ask(f"Slot?{ASKED}", {"X-Request-Id": own})
        await found.ask(f"Slot?{ASKED}", {"X-Request-Id": "no token\tat all"})
        await found.ask(f"Slot?{ASKED}")
        url = f"https://{NAME}:{found.port}/redox"
        async with found.session.post(url, json={}) as response:
            last = response.headers["X-Request-Id"]
        ours = [line["request_id"] for line in found.gateway.requests()]
    told = [json.loads(line) for line in (tmp_path / "gateway.log").read_text("utf-8").splitlines()]
    assert [line["request_id"] for line in told] == ours
    assert (ours[0], ours[3], len(set(ours))) == (own, last, 4)
