from __future__ import annotations

import ssl
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
