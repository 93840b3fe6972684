"""Rules of access: what a scope allows, and what may not be configured."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.web.access import Access, JwtRules, allows
from tests.web.issuer import AUDIENCE, ISSUER


@pytest.mark.parametrize(
    ("scope", "resource", "letter", "allowed"),
    [
        ("system/Slot.read", "Slot", "s", True),
        ("system/Slot.read", "Practitioner", "r", True),
        ("system/*.read", "Slot", "r", True),
        ("system/*.*", "Location", "s", True),
        ("system/Slot.*", "Slot", "s", True),
        ("system/Slot.rs", "Schedule", "s", True),
        ("system/Slot.cruds", "Slot", "s", True),
        ("system/Slot.s", "Slot", "s", True),
        ("system/Slot.s", "Slot", "r", False),
        ("system/Slot.r", "Slot", "s", False),
        ("system/Schedule.read", "Schedule", "s", True),
        ("system/Schedule.read", "Slot", "s", False),
        ("system/Schedule.rs", "Practitioner", "r", False),
        ("system/Slot.write", "Slot", "r", False),
        ("system/Slot.cud", "Slot", "r", False),
        ("system/Slot.", "Slot", "r", False),
        ("system/Slot.sr", "Slot", "r", False),
        ("system/Slot.rs?status=free", "Slot", "s", False),
        ("user/Slot.read", "Slot", "s", False),
        ("patient/*.read", "Slot", "s", False),
        ("xsystem/Slot.read", "Slot", "s", False),
        ("", "Slot", "s", False),
    ],
)
def test_scopes(scope: str, resource: str, letter: Any, allowed: bool) -> None:
    assert allows(Access(), ["openid", scope], resource, letter) is allowed


def test_a_scope_of_the_sites_own() -> None:
    assert allows(Access(scope="gateway.slots"), ["gateway.slots"], "Schedule", "r")
    assert not allows(Access(scope="gateway.slots"), ["gateway"], "Schedule", "r")


@pytest.mark.parametrize("digest", ["", "abc", "A" * 64, "g" * 64])
def test_what_is_no_digest(digest: str) -> None:
    with pytest.raises(ValueError, match="64 small hexadecimal digits"):
        Access(clients=(("a", digest),))


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://auth.example/jwks", True),
        ("http://127.0.0.1:9/jwks", True),
        ("http://localhost/jwks", True),
        ("http://[::1]/jwks", True),
        ("http://auth.example/jwks", False),
        ("http://localhost.evil.example/jwks", False),
        ("http://127.0.0.1@evil.example/jwks", False),
        ("https://user:password@auth.example/jwks", False),
        ("file:///etc/passwd", False),
        ("https:///jwks", False),
        ("http://[", False),
    ],
)
def test_keys_are_fetched_only_where_nobody_can_change_them(url: str, safe: bool) -> None:
    if safe:
        assert JwtRules(ISSUER, AUDIENCE, url).jwks_url == url
    else:
        with pytest.raises(ValueError, match="must be an https URL"):
            JwtRules(ISSUER, AUDIENCE, url)
