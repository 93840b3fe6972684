from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path

import pytest
import trustme
from aiohttp.test_utils import TestServer
from yarl import URL

from gateway.upstream.exchange import Request, Wire, exchange
from gateway.upstream.session import SharedSession, tls_trust
from gateway.upstream.trouble import Trouble

from .conftest import Script, serving


async def test_there_is_one_session_until_it_is_closed() -> None:
    shared = SharedSession()
    first = shared()
    assert shared() is first
    assert not first.trust_env
    await shared.close()
    await shared.close()
    assert first.closed


async def https_server(authority: trustme.CA, name: str) -> TestServer:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    server = serving(Script())
    await server.start_server(ssl=context)
    return server


async def test_only_a_certificate_of_a_trusted_authority_will_do(
    tmp_path: Path, session: SharedSession
) -> None:
    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    trusting, default = (Wire(tls_trust(path), 2.0, 1000) for path in (str(ca_file), None))
    right, wrong = await https_server(authority, "127.0.0.1"), await https_server(authority, "other.example")
    try:
        request = Request("GET", right.make_url("/"), "Slot", {})
        assert (await exchange(session(), request, trusting)).status == 200
        for url, wire in ((right.make_url("/"), default), (wrong.make_url("/"), trusting)):
            with pytest.raises(Trouble, match="connect") as raised:
                await exchange(session(), Request("GET", URL(url), "Slot", {}), wire)
            assert raised.value.repeat == "never"
    finally:
        await right.close()
        await wrong.close()


def test_a_ca_file_must_hold_certificates(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    with pytest.raises(ssl.SSLError):
        tls_trust(str(empty))
    with pytest.raises(OSError):
        tls_trust(str(tmp_path / "absent.pem"))


@pytest.mark.parametrize(
    ("interim", "answered"), [(0, True), (1, True), (9, True), (10, False), (None, False)]
)
async def test_interim_answers_are_few_or_there_is_no_answer(
    session: SharedSession, interim: int | None, answered: bool
) -> None:
    """None: they never end; all the while others are served."""
    interims = (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            while interim is None:
                writer.write(interims[0] * 1000)
                await writer.drain()
            for number in range(interim):
                writer.write(interims[number % 2])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/Slot")
        asked = exchange(session(), Request("GET", url, "Slot", {}), Wire(True, 2.0, 1000))
        if answered:
            assert (await asked).body == b"{}"
        else:
            with pytest.raises(Trouble, match="protocol") as raised:
                await asyncio.wait_for(asked, 5)
            assert raised.value.repeat == "never"
