"""Wherever a secret is put in a configuration, and however it is written: no command repeats it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import yaml
from click.testing import CliRunner

from gateway.cli.main import main
from gateway.config import load
from gateway.files.marked import Faults
from tests.fuzz.scale import chance, inputs

CANARY = "cAnArY-7f3b"
ENVIRON = {"HELD": f"{CANARY}-out-of-the-environment", "PORT": "8443"}
WHOLE = """\
server:
  host: 127.0.0.1
  port: ${PORT}
  public_url: https://gateway.example
  tls: {certificate_file: pair.pem, key_file: pair.pem}
admin: {host: 127.0.0.1, port: 9090}
log: {level: info, format: json}
mappings: own
sites:
  - id: one
    timezone: America/Chicago
    redox:
      destination_ids: [af394f14-b34a-464f-8d24-895f370af4c9]
      verification_token: 5d1c8a4e9b7f4c0e8a63f21d
    fhir:
      clients:
        - {id: app, token_sha256: 3f0c1d5e7a9b2c4d6e8f0a1b2c3d4e5f60718293a4b5c6d7e8f9012a3b4c5d6e}
      jwt: {issuer: https://auth.example, audience: us, jwks_url: https://auth.example/jwks}
    upstream:
      dialect: canvas
      base_url: https://ehr.example/fhir
      token_url: https://ehr.example/token
      client_id: us
      client_secret: 0b6f2a97c1d34e58
      scope: system/Slot.read
      ca_file: pair.pem
      max_pages: 20
    preferences: filter
    providers_by_name: false
    deadline_seconds: 25
  - id: three
    timezone: UTC
    redox: {destination_ids: [third], verification_token_file: token}
    upstream:
      dialect: redox
      base_url: https://redox.example
      token_url: https://redox.example/token
      client_id: us
      key_id: k
      algorithm: HS384
      secret_file: token
      token_fields: {tenant: x}
      destination_id: d
  - id: two
    timezone: UTC
    redox: {destination_ids: [other], verification_token_file: token}
    upstream: {dialect: fhir-r4, base_url: https://other.example, token_file: token, allow_insecure: false}
"""
LEADING = [
    *"*&!%@`|>{}[]?-:,#'\"~=<$\\^+(",
    "",
    "- ",
    "? ",
    ": ",
    "\t",
    " ",
    "!!",
    "<<",
    "${",
    "$${",
    "*a: &b ",
]
TRAILING = [
    "",
    "'",
    '"',
    ": x",
    " #",
    "}",
    "]",
    ",",
    ":",
    "\t",
    "\\",
    "\n",
    " x: *y",
    "@ehr.example/",
    "\0",
    "é",
]
WRITTEN = [
    "%s",
    "%s",
    "%s",
    "'%s'",
    '"%s"',
    "[%s]",
    "{%s}",
    "{%s: x}",
    "|\n    %s",
    ">-\n  %s",
    "&a %s",
    "!t %s",
]
URLS = [
    "https://u:%s@ehr.example/",
    "https://ehr.example/?t=%s",
    "https://%s",
    "https://ehr.example/#%s",
    "%s://x",
]


def _places() -> list[tuple[int, int]]:
    """Where each key and each value of the configuration begins and ends."""
    scalars = [
        each for each in yaml.parse(WHOLE, Loader=yaml.SafeLoader) if isinstance(each, yaml.ScalarEvent)
    ]
    return [(each.start_mark.index, each.end_mark.index) for each in scalars]


def _hostile(random: Random) -> str:
    """The secret in clothes that YAML, a URL or a path may trip over."""
    text = random.choice(LEADING) + CANARY + random.choice(TRAILING)
    match random.randrange(6):
        case 0:
            text = random.choice(URLS) % text
        case 1:
            text += "x" * random.choice((60, 300, 5000))
        case 2:
            text = random.choice(("${HELD}", "x${HELD}", "${HELD", "/${HELD}", "${" + CANARY + "}"))
    return random.choice(WRITTEN) % text


def _spoilt(random: Random) -> str:
    begin, end = random.choice(_places())
    return WHOLE[:begin] + _hostile(random) + WHOLE[end:]


def _each() -> Iterator[str]:
    """The bare secret in every place, once plain and once quoted."""
    for begin, end in _places():
        for form in ("%s", "'%s'", "*%s", "&%s", "!%s x", "%s: %s"):
            yield WHOLE[:begin] + form.replace("%s", CANARY) + WHOLE[end:]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("pair.pem", "x"), ("token", f"{CANARY}-out-of-a-file")):
        (tmp_path / name).write_text(text)
    (tmp_path / "own").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.environ", {**ENVIRON})
    return tmp_path


def _faults(path: Path, text: str) -> str:
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        load(path, ENVIRON)  # good settings may name a site as they like
    except Faults as wrong:
        assert wrong.faults
        return str(wrong)
    return ""


def test_a_secret_in_any_place_is_in_no_fault(folder: Path) -> None:
    told = 0
    for text in _each():
        said = _faults(folder / "gateway.yaml", text)
        assert CANARY not in said, text
        told += bool(said)
    assert told > 200


def test_a_secret_in_any_clothes_is_in_no_fault(folder: Path) -> None:
    random = chance("misplaced secrets")
    told = 0
    for _ in range(inputs(300)):
        text = _spoilt(random)
        said = _faults(folder / "gateway.yaml", text)
        assert CANARY not in said, text
        told += bool(said)
    assert told


def test_no_command_repeats_a_misplaced_secret(folder: Path) -> None:
    random = chance("commands and misplaced secrets")
    commands = (
        ["check"],
        ["check", "--json"],
        ["serve"],
        ["show", "table", "-c", "gateway.yaml"],
        ["translate", "-"],
        ["probe", "-s", "one"],
        ["directory", "pull", "-s", "one"],
    )
    refused = 0
    for number in range(inputs(10)):
        text = _spoilt(random)
        if not _faults(folder / "gateway.yaml", text):
            continue
        done = CliRunner().invoke(main, commands[number % len(commands)], input="{}")
        assert CANARY not in done.output, (text, done.output)
        assert done.exit_code == 3, (text, done.output, done.exception)
        refused += 1
    assert refused


def test_settings_that_are_good_show_no_secret(folder: Path) -> None:
    path = folder / "gateway.yaml"
    path.write_text(
        WHOLE.replace("5d1c8a4e9b7f4c0e8a63f21d", "${HELD}").replace("0b6f2a97c1d34e58", "${HELD}")
    )
    settings = load(path, ENVIRON)
    token = settings.sites[2].upstream.token
    assert token is not None and CANARY in token.get_secret_value()
    for shown in (repr(settings), str(settings), settings.model_dump_json(), repr(settings._root)):
        assert CANARY not in shown
    assert "5d1c8a4e9b7f4c0e8a63f21d" not in repr(settings._root)
