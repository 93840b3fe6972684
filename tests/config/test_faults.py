"""Every fault with its exact place and text, all of a file at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gateway.config import Settings, cross, load
from gateway.config.explain import schema
from gateway.files.marked import Faults
from gateway.files.zones import zone_doubted

Load = Callable[..., Settings]
FaultsOf = Callable[..., list[str]]
Least = Callable[..., str]
HOST = "base_url: https://ehr.example/fhir"
ZEROS = "0" * 64

# Lines put into a site (they begin in line 5) -> where, which key below the site, and what is said.
SITE_FAULTS = [
    ("max_slotz: 5", '5:5: unknown key; did you mean "max_slots"?'),
    ("base_url: x", '5:5: base_url: unknown key; "base_url" stands in sites[].upstream'),
    ("ports: 1", '5:5: unknown key; "port" stands in server and admin'),
    ("max_slots: many", "5:16: max_slots: must be a whole number"),
    ("max_slots: 0", "5:16: max_slots: must be 1 to 100000"),
    ("max_slots: 1.5", "5:16: max_slots: must be a whole number"),
    ("max_slots:", "5:5: max_slots: has no value; write one, or leave the key out"),
    ("max_slots: null", "5:5: max_slots: has no value; write one, or leave the key out"),
    ("max_slots: [1]", "5:16: max_slots: must be a whole number"),
    ("fhir: [1]", "5:11: fhir: must be a map (keys and values)"),
    ("fhir: {}", "5:5: fhir: needs clients: or jwt: (or both); now nobody may ask it"),
    ("deadline_seconds: 111", "5:23: deadline_seconds: must be above 0 and at most 110"),
    (
        "preferences: fliter",
        '5:18: preferences: must be one of filter, order, ignore; did you mean "filter"?',
    ),
    ("providers_by_name: yes", "5:24: providers_by_name: must be true or false"),
    (
        "default_window_days: 63",
        "5:26: default_window_days: default_window_days (63) must not be above max_window_days (62)",
    ),
    (
        "max_window_days: 6",
        "5:22: max_window_days: default_window_days (7) must not be above max_window_days (6)",
    ),
    (
        "fhir: {jwt: {issuer: i, audience: a, jwks_url: http://keys.example/}}",
        "5:52: fhir.jwt.jwks_url: must begin with https://, since the host is not this machine",
    ),
    (
        "fhir: {clients: [{id: a, token_sha256: abc}]}",
        "5:44: fhir.clients[0].token_sha256: must be the SHA-256 of the token: 64 hexadecimal digits"
        ' (printf %s "$TOKEN" | sha256sum)',
    ),
]


def below(part: str, fault: str) -> str:
    """The fault with its part of the configuration in front; the name of an unknown key is not told."""
    place, text = fault.split(" ", 1)
    return f"{place} {part}{': ' if text.startswith('unknown key') else '.'}{text}"


@pytest.mark.parametrize("zone", ["EST", "Etc/GMT-6", "GMT"])
def test_a_zone_that_is_hardly_meant_is_remarked(loaded: Load, least: Least, zone: str) -> None:
    [remark] = loaded(least(upstream=HOST).replace("timezone: UTC", f"timezone: {zone}")).remarks
    assert str(remark).endswith(f":3:15: sites[0].timezone: {zone_doubted(zone)}")
    assert zone not in remark.text or zone == "GMT"
    assert loaded(least(upstream=HOST)).remarks == ()


@pytest.mark.parametrize(("line", "expected"), SITE_FAULTS)
def test_faults_of_a_site(faults_of: FaultsOf, line: str, expected: str, least: Least) -> None:
    assert faults_of(least(line)) == [below("sites[0]", expected)]


@pytest.mark.parametrize(
    ("dialect", "near"),
    [
        ("Canvas", '; did you mean "canvas"?'),
        ("FHIR R4", '; did you mean "fhir-r4"?'),
        ("oracle_millennium", '; did you mean "oracle-millennium"?'),
        ("Acme EHR", ""),
    ],
)
def test_a_dialect_that_is_spelt_otherwise(
    faults_of: FaultsOf, least: Least, dialect: str, near: str
) -> None:
    text = least(upstream=HOST).replace("dialect: canvas", f"dialect: {dialect}")
    said = "must be the name of a dialect's folder: small letters, digits and hyphens"
    [fault] = faults_of(text)
    assert fault.partition("sites[0].upstream.dialect: ")[2] == f"{said}{near}"


# The same for lines of the upstream, which begin in line 9.
UPSTREAM_FAULTS = [
    ("base_ulr: x", '9:7: unknown key; did you mean "base_url"?'),
    ("ca_file: no.pem",
     '9:16: ca_file: cannot read this file (relative to FOLDER): No such file or directory'),
    ("token_file: no",
     '9:19: token_file: cannot read this file (relative to FOLDER): No such file or directory'),
    ("token_file: empty", '9:19: token_file: cannot read this file (relative to FOLDER): it is empty'),
    ("token_file: latin",
     '9:19: token_file: cannot read this file (relative to FOLDER): it is not UTF-8 text'),
    ("token_file: [a]", "9:19: token_file: must be the path of a file"),
    ("token_file: ${NO}", "9:19: token_file: the environment variable NO is not set"),
    ("token: ${NO}-${NOR}", "9:14: token: the environment variable NO is not set; "
     "the environment variable NOR is not set"),
    ("token: ${NO-1}", '9:14: token: "${" without a name; write ${NAME}, or "$${" for a plain "${"'),
    ('token: ""', "9:14: token: is empty; write a value, or leave the key out"),
    ("token: [canary]", "9:14: token: must be text"),
    ("token: canary\n      token_file: empty", "10:7: token_file: token is given too; keep one of the two"),
    ("api_key_file: latin\n      secret: canary",
     '9:21: api_key_file: cannot read this file (relative to FOLDER): it is not UTF-8 text'),
    ("token: canary\n      api_key: canary",
     "10:16: api_key: token is given too; keep the one by which this upstream knows us"),
    ("token: canary\n      key_id: k", "10:15: key_id: is of no use with token; remove it"),
    ("token: canary\n      secret: canary", "10:15: secret: is of no use with token; remove it"),
    ("api_key: canary", "7:7: secret: is missing; api_key needs it"),
    ("client_id: c", "9:18: client_id: needs client_secret, or private_key and key_id, beside it"),
    ("client_secret: canary", "7:7: client_id: is missing; client_secret needs it"),
    ("token_auth: client_secret_basic",
     "9:19: token_auth: needs client_secret, or private_key and key_id, beside it"),
    ("token_auth: basic\n      client_id: c\n      client_secret: canary",
     "9:19: token_auth: must be one of auto, client_secret_post, client_secret_basic, private_key_jwt"),
    ("token_auth: private_key_jwt\n      client_id: c\n      client_secret: canary",
     "9:19: token_auth: private_key_jwt signs with private_key and key_id, not with client_secret"),
    ("token_auth: client_secret_basic\n      client_id: c\n      key_id: k\n"
     "      private_key_file: redox.pem",
     "9:19: token_auth: client_secret_basic sends client_secret; what is signed with private_key is"
     " private_key_jwt"),
    ("token: canary\n      audience: a", "10:17: audience: is of no use with token; remove it"),
    ("api_key: canary\n      secret: canary\n      resource: [a]",
     "11:17: resource: is of no use with api_key; remove it"),
    ("client_id: c\n      client_secret: canary\n      assertion_seconds: 60",
     "11:26: assertion_seconds: is of no use with client_secret; remove it"),
    ("client_id: c\n      key_id: k\n      private_key_file: redox.pem\n      assertion_seconds: 300",
     '12:26: assertion_seconds: must be 10 to 230'),
    ("client_id: c\n      client_secret: canary\n      resource: https://a.example",
     '11:17: resource: must be a list'),
    ("client_id: c\n      client_secret: canary\n      token_fields: {grant_type: password}",
     "11:34: token_fields.grant_type: is a field of the protocol's own; the gateway writes it anew"
     " each time"),
    ("client_id: c\n      client_secret: canary\n      token_fields: {scope: s}",
     "11:29: token_fields.scope: is a field of the protocol's own; write it as scope, beside token_fields"),
    ("client_id: c\n      client_secret: canary\n      token_fields: {tenant: [canary]}",
     "11:30: token_fields: must be text"),
    ("client_id: c\n      client_secret: canary\n      token_fields: {tenant: ''}",
     "11:30: token_fields: is empty; write a value, or leave the key out"),
    ("client_id: c\n      client_secret: canary\n      token_fields: {tenant: \"${NO}\"}",
     "11:30: token_fields: the environment variable NO is not set"),
    ('client_id: c\n      client_secret: canary\n      token_fields: {"a b": x}',
     '11:21: token_fields: has a field whose name is not of letters, digits, ".", "_" and "-" alone'),
    ("token_url: ftp://x\n      client_id: c\n      client_secret: canary",
     "9:18: token_url: must be a URL that begins with https:// (or http:// for this machine)"),
    ("token_url: https://x/t\n      client_id: c\n      key_id: k\n      secret: canary",
     "12:15: secret: signs by algorithm: HS384 alone; write that, or give private_key"),
    ("token_url: https://x/t\n      client_id: c\n      key_id: k\n      private_key: canary",
     '12:20: private_key: is not a private key in PEM form (it begins "-----BEGIN PRIVATE KEY-----")'),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), UPSTREAM_FAULTS)
def test_faults_of_an_upstream(faults_of: FaultsOf, lines: str, expected: str, least: Least) -> None:
    assert faults_of(least(upstream=f"{HOST}\n      {lines}")) == [below("sites[0].upstream", expected)]


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://ehr.example", None),
        ("https://ehr.example:8443/fhir/", None),
        ("http://localhost:8081", None),
        ("http://[::1]:8081/", None),
        ("http://127.9.9.9", None),
        ("http://ehr.example", "must begin with https://, since the host is not this machine"),
        ("http://127.0.0.1.ehr.example", "must begin with https://, since the host is not this machine"),
        ("https://user:pass@ehr.example", "must not hold a user name or password; there are keys for those"),
        ("https://ehr.example/?a=b", 'must not hold a query or fragment; end it before the "?" or "#"'),
        ("https://ehr.example/#", 'must not hold a query or fragment; end it before the "?" or "#"'),
        ("https://ehr.example:99999", "is not a URL; check the host and the port"),
        ("https://", "is not a URL; check the host and the port"),
        ("https://[::1", "is not a URL; check the host and the port"),
        ("https://[zz]/", "is not a URL; check the host and the port"),
        ("https://a%2fb/", "is not a URL; check the host and the port"),
        ("ehr.example", "must be a URL that begins with https:// (or http:// for this machine)"),
        ("https://ehr.example/a b", "must be a URL that begins with https:// (or http:// for this machine)"),
        (
            "https://ehr.example\\@evil",
            "must be a URL that begins with https:// (or http:// for this machine)",
        ),
    ],
)
def test_urls(url: str, fault: str | None) -> None:
    assert cross.url_fault(url, insecure=False) == fault


def test_http_elsewhere_must_be_allowed_aloud(loaded: Load, faults_of: FaultsOf, least: Least) -> None:
    where = "base_url: http://ehr.example"
    said = "must begin with https://, since the host is not this machine; or set allow_insecure: true"
    assert faults_of(least(upstream=where)) == [f"8:17: sites[0].upstream.base_url: {said}"]
    assert loaded(least(upstream=f"{where}\n      allow_insecure: true")).sites[0].upstream.allow_insecure


def test_all_faults_at_once_in_the_order_of_the_file(faults_of: FaultsOf) -> None:
    text = """\
serverr: {}
server: {port: 9090, tls: {certificate_file: redox.pem}}
mappings: nowhere
sites:
  - id: Demo
    timezone: America/LosAngeles
    redox: {destination_ids: []}
  - {id: two, timezone: UTC, upstream: {dialect: x, base_url: 'https://a'}}
  - id: two
    timezone: UTC
    redox: {destination_ids: [D, e, d], verification_token: a b}
    upstream: {dialect: x, base_url: 'https://a', max_pages: 0}
  - text
"""
    assert faults_of(text) == [
        '1:1: unknown key; did you mean "server"?',
        "2:16: server.port: is the admin listener's port too; give each its own",
        "2:27: server.tls.key_file: is missing. PEM file of the private key.",
        "5:5: sites[0].upstream: is missing. Who is asked.",
        "5:9: sites[0].id: must be up to 63 small letters, digits and hyphens, a letter or digit first",
        '6:15: sites[0].timezone: is not an IANA time zone; did you mean "America/Los_Angeles"?',
        "7:12: sites[0].redox.verification_token: is missing (or verification_token_file)."
        " The token that Redox sends with every request.",
        "7:30: sites[0].redox.destination_ids: the list is empty; write at least one item, or"
        " leave the key out",
        "8:5: sites[1].redox: is missing, and so is fhir; give one of them or both, or nobody"
        " may ask this site",
        "9:9: sites[2].id: this site id is given already at sites[1].id (line 8)",
        "11:37: sites[2].redox.destination_ids[2]: this destination is given already at"
        " sites[2].redox.destination_ids[0] (line 11)",
        "11:61: sites[2].redox.verification_token: holds a space, line break or sign that an"
        " HTTP header cannot carry",
        "12:62: sites[2].upstream.max_pages: must be 1 to 1000",
        "13:5: sites[3]: must be a map (keys and values)",
    ]


def test_the_two_listeners_need_two_ports(loaded: Load, faults_of: FaultsOf, least: Least) -> None:
    said = "is the server listener's port too; give each its own"
    assert faults_of("admin: {port: 8080}\n" + least()) == [f"1:15: admin.port: {said}"]
    assert loaded("server: {port: 0}\nadmin: {port: 0}\n" + least()).admin.port == 0


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("10.0.0.7", None),
        ("10.0.0.0/8", None),
        ("2001:db8::/32", None),
        ("unix", None),
        ("10.0.0.1/8", "is within a network; write 10.0.0.0/8 for all of it"),
        ("proxy.example", "is not an address, a network such as 10.0.0.0/8, or unix"),
        ("10.0.0.0/33", "is not an address, a network such as 10.0.0.0/8, or unix"),
        ("0.0.0.0/0", "is everybody, who could then write any address in the log; name the proxies"),
        ("::/0", "is everybody, who could then write any address in the log; name the proxies"),
    ],
)
def test_trusted_proxies(
    loaded: Load, faults_of: FaultsOf, least: Least, name: str, fault: str | None
) -> None:
    text = f'server: {{trusted_proxies: ["127.0.0.1", "{name}"]}}\n' + least()
    if fault is None:
        assert loaded(text).server.trusted_proxies == ("127.0.0.1", name)
    else:
        assert faults_of(text) == [f"1:41: server.trusted_proxies[1]: {fault}"]


def test_clients_are_told_apart(faults_of: FaultsOf, least: Least) -> None:
    first, second = faults_of(
        least(f"fhir: {{clients: [{{id: a, token_sha256: {ZEROS}}}, {{id: A, token_sha256: {ZEROS}}}]}}")
    )
    assert "this client id is given already at sites[0].fhir.clients[0].id (line 5)" in first
    assert "clients[1].token_sha256: this token" in second


def test_a_repeated_key_and_other_faults_are_told_together(faults_of: FaultsOf, least: Least) -> None:
    assert faults_of(least("id: two\n    max_slots: 0")) == [
        "5:5: this key is repeated; it stands already in line 2",
        "6:16: sites[0].max_slots: must be 1 to 100000",
    ]


def test_a_file_that_is_not_there(folder: Path) -> None:
    with pytest.raises(Faults) as raised:
        load(folder / "absent.yaml", {})
    assert str(raised.value) == f"{folder}/absent.yaml:1:1: cannot read this file: No such file or directory"


PLACES = {  # the line after which a key may be put, and how far it is indented
    "": (3, 0),
    "sites[0].": (6, 4),
    "sites[0].redox.": (9, 6),
    "sites[0].upstream.": (11, 6),
}


@given(st.from_regex(r"[a-z][a-z_]{0,14}", fullmatch=True), st.sampled_from(sorted(PLACES)))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_an_unknown_key_is_always_told_with_its_place(
    faults_of: FaultsOf, first: str, key: str, prefix: str
) -> None:
    known: Any = schema()
    for step in prefix.split(".")[:-1]:
        known = known["properties"][step.removesuffix("[0]")]
        known = known.get("items", known)
    line, indent = PLACES[prefix]
    lines = first.split("\n")
    lines.insert(line, f"{' ' * indent}{key}: canary")
    if key in known["properties"]:
        return
    (fault,) = faults_of("\n".join(lines))
    told = f"{prefix.removesuffix('.')}: " if prefix else ""
    assert fault.startswith(f"{line + 1}:{indent + 1}: {told}unknown key")


FRAGMENTS = [
    "[]",
    "{}",
    "x",
    "-1",
    "1e9",
    "${CANVAS_CLIENT_ID}",
    '"$${"',
    "[[x]]",
    "{id: x}",
    "'\\0'",
    "null",
    "",
]


@given(st.integers(0, 24), st.sampled_from(FRAGMENTS), st.integers(0, 24), st.sampled_from(FRAGMENTS))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_whatever_stands_there_it_is_settings_or_faults(
    loaded: Load, first: str, one: int, put: str, other: int, also: str
) -> None:
    lines = first.split("\n")
    for line, fragment in ((one, put), (other, also)):
        lines[line] = f"{lines[line].partition(':')[0]}: {fragment}"
    try:
        settings = loaded("\n".join(lines))
    except Faults as error:
        assert all(1 <= fault.line <= len(lines) and fault.text for fault in error.faults)
    else:
        assert settings.sites
