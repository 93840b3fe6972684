"""Real servers that no connection can be made to, each for another reason."""

from __future__ import annotations

import asyncio
import datetime
import os
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import get_args

import pytest
import trustme
from yarl import URL

from gateway.core.plan import FailureReason
from gateway.core.reasons import REASONS
from gateway.upstream.exchange import Request, Wire, exchange
from gateway.upstream.session import SharedSession, tls_trust
from gateway.upstream.trouble import Trouble

from .conftest import Script

Prepare = Callable[[ssl.SSLContext, trustme.CA], None]
LONG_AGO, LONG_HENCE = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2001, 2999))


def expired(context: ssl.SSLContext, ca: trustme.CA) -> None:
    ca.issue_cert("127.0.0.1", not_after=LONG_AGO, not_before=LONG_AGO).configure_cert(context)


def not_yet(context: ssl.SSLContext, ca: trustme.CA) -> None:
    ca.issue_cert("127.0.0.1", not_before=LONG_HENCE, not_after=LONG_HENCE).configure_cert(context)


def other_host(context: ssl.SSLContext, ca: trustme.CA) -> None:
    ca.issue_cert("other.example").configure_cert(context)


def other_address(context: ssl.SSLContext, ca: trustme.CA) -> None:
    ca.issue_cert("127.0.0.99").configure_cert(context)


def foreign(context: ssl.SSLContext, _ca: trustme.CA) -> None:
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)


def foreign_with_its_root(context: ssl.SSLContext, _ca: trustme.CA) -> None:
    other = trustme.CA()
    leaf = other.issue_cert("127.0.0.1")
    with leaf.private_key_and_cert_chain_pem.tempfile() as file, other.cert_pem.tempfile() as root:
        Path(file).write_bytes(Path(file).read_bytes() + Path(root).read_bytes())
        context.load_cert_chain(file)


def self_signed(context: ssl.SSLContext, _ca: trustme.CA) -> None:
    lone = trustme.CA()
    with lone.cert_pem.tempfile() as certificate, lone.private_key_pem.tempfile() as key:
        context.load_cert_chain(certificate, key)


def old_tls(context: ssl.SSLContext, ca: trustme.CA) -> None:
    ca.issue_cert("127.0.0.1").configure_cert(context)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1


def wants_ours(context: ssl.SSLContext, ca: trustme.CA) -> None:
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED


@asynccontextmanager
async def server(prepare: Prepare, ca: trustme.CA) -> AsyncIterator[URL]:
    """Not one of asyncio's: those break off without the alert that says why."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    prepare(context, ca)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_greet, args=(listening, context), daemon=True)
        thread.start()
        yield URL.build(scheme="https", host="127.0.0.1", port=listening.getsockname()[1])
        await asyncio.to_thread(thread.join, 5.0)


def _greet(listening: socket.socket, context: ssl.SSLContext) -> None:
    """One connection: the handshake, and whatever the client then says is read and not answered."""
    connection, _ = listening.accept()
    connection.settimeout(5.0)
    with context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as secure:
        try:
            secure.do_handshake()
            secure.recv(1000)
        except OSError:
            # Read on until the client leaves: a close with something unread would overtake the alert.
            with suppress(OSError):
                os.set_blocking(secure.fileno(), True)
                socket.socket.shutdown(secure, socket.SHUT_WR)
                while os.read(secure.fileno(), 1000):
                    pass


def _hang_up(listening: socket.socket) -> None:
    listening.accept()[0].close()


@pytest.fixture
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(ca: trustme.CA, tmp_path: Path) -> Wire:
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return Wire(tls_trust(str(tmp_path / "ca.pem")), 2.0, 1000)


async def trouble(session: SharedSession, url: URL, wire: Wire) -> Trouble:
    with pytest.raises(Trouble) as raised:
        await exchange(session(), Request("GET", url, "Slot", {}), wire)
    return raised.value


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1 is deprecated")
@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (expired, "certificate-expired"),
        (not_yet, "certificate-not-yet-valid"),
        (other_host, "certificate-other-host"),
        (other_address, "certificate-other-host"),
        (foreign, "certificate-unknown-issuer"),
        (foreign_with_its_root, "certificate-self-signed"),
        (self_signed, "certificate-self-signed"),
        (old_tls, "tls-version"),
        (wants_ours, "tls-client-certificate"),
    ],
)
async def test_what_is_wrong_with_tls_is_told_apart(
    session: SharedSession, ca: trustme.CA, trusting: Wire, prepare: Prepare, reason: str
) -> None:
    async with server(prepare, ca) as url:
        found = await trouble(session, url, trusting)
    assert (found.kind, found.reason) == ("connect", reason)
    assert (found.repeat, found.down, found.whole) == ("never", True, True), "asking again does not mend it"
    assert "127.0.0.1" not in repr(found)


async def test_plain_http_where_tls_was_meant(session: SharedSession, script: Script, trusting: Wire) -> None:
    found = await trouble(session, URL(script.url).with_scheme("https"), trusting)
    assert (found.kind, found.reason) == ("connect", "tls-not-spoken")


async def test_a_port_where_nobody_listens(
    session: SharedSession, unused_tcp_port: int, trusting: Wire
) -> None:
    found = await trouble(session, URL(f"http://127.0.0.1:{unused_tcp_port}/"), trusting)
    assert (found.kind, found.reason, found.repeat) == ("connect", "refused", "always")


async def test_a_name_that_nobody_has(session: SharedSession, trusting: Wire) -> None:
    found = await trouble(session, URL("http://nobody.invalid/"), trusting)
    assert (found.kind, found.reason, found.repeat) == ("connect", "unknown-host", "always")


async def test_a_handshake_that_is_never_answered(session: SharedSession) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = URL(f"https://127.0.0.1:{silent.getsockname()[1]}/")
        found = await trouble(session, url, Wire(tls_trust(None), 0.2, 1000))
    assert (found.kind, found.reason) == ("connect", "connect-timeout")


async def test_a_handshake_that_is_broken_off(session: SharedSession) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = URL(f"https://127.0.0.1:{listening.getsockname()[1]}/")
        hung_up = asyncio.create_task(asyncio.to_thread(_hang_up, listening))
        found = await trouble(session, url, Wire(True, 2.0, 1000))
        await hung_up
    assert (found.kind, found.reason) == ("connect", "tls-failed")


def test_each_reason_is_told_with_what_to_do() -> None:
    assert REASONS.keys() == set(get_args(FailureReason))
    for what, advice in REASONS.values():
        assert what and advice and not (what + advice).endswith(".")
