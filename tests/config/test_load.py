"""What a good file is read as: the two first forms, defaults, places, secrets, and a thousand sites."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from gateway.config import Settings

Load = Callable[..., Settings]
FaultsOf = Callable[..., list[str]]
Least = Callable[..., str]
HOST = "base_url: https://ehr.example/fhir"


def test_the_first_form_of_the_foundation(loaded: Load, folder: Path, first: str) -> None:
    settings = loaded(first)
    (site,) = settings.sites
    assert (settings.server.port, settings.admin.port) == (8080, 9090)
    assert settings.mappings == folder / "mappings"
    assert site.redox is not None and site.fhir is None
    assert site.redox.destination_ids == ("af394f14-b34a-464f-8d24-895f370af4c9",)
    assert site.redox.verification_token.get_secret_value() == "canary-8d03b6f1e75a"
    assert site.upstream.auth == "client-credentials" and site.upstream.client_id == "client-1"
    assert site.upstream.client_secret == SecretStr("canary-secret")
    assert site.upstream.token_url == "http://127.0.0.1:8081/auth/token/"


def test_what_is_optional_has_the_values_of_the_first_form(loaded: Load, first: str) -> None:
    short = first[first.index("sites") : first.index("    # optional")]
    whole, bare = loaded(first), loaded(short)
    assert bare.mappings is None
    assert bare.model_copy(update={"mappings": whole.mappings}).model_dump() == whole.model_dump()


def test_the_first_form_of_the_other_direction(loaded: Load, folder: Path, second: str) -> None:
    settings = loaded(second, {})
    (site,) = settings.sites
    assert site.redox is None and site.fhir is not None and site.fhir.jwt is not None
    assert site.fhir.clients[0].id == "scheduler-app"
    assert site.fhir.jwt.jwks_url == "https://auth.example/jwks"
    assert site.upstream.auth == "signed-assertion" and site.upstream.algorithm is None
    assert site.upstream.private_key == SecretStr((folder / "redox.pem").read_text().strip())
    assert (site.upstream.key_id, site.upstream.destination_id) == (
        "key-1",
        "af394f14-b34a-464f-8d24-895f370af4c9",
    )


def test_every_value_knows_its_place(loaded: Load, folder: Path, second: str) -> None:
    settings = loaded(second, {})
    at = ("sites", 0, "upstream")
    assert str(settings.where((*at, "dialect"))) == f"{folder}/gateway.yaml:9:16"
    assert settings.where((*at, "private_key")).line == 13
    assert settings.where((*at, "ca_file")) == settings.where(at)


def test_values_are_read_as_their_keys_ask(loaded: Load, folder: Path, least: Least) -> None:
    text = 'server: {port: "${PORT}", tls: {certificate_file: redox.pem, key_file: redox.pem}}\n' + least(
        "deadline_seconds: 1.5", "base_url: https://ehr.example/$${x}/\n      allow_insecure: true"
    )
    settings = loaded(text, {"PORT": "8443"})
    assert settings.server.port == 8443 and settings.server.tls is not None
    assert settings.server.tls.key_file == folder / "redox.pem"
    assert settings.sites[0].deadline_seconds == 1.5
    assert settings.sites[0].upstream.allow_insecure is True
    assert settings.sites[0].upstream.base_url == "https://ehr.example/${x}"
    assert settings.sites[0].upstream.auth == "none"


@pytest.mark.parametrize(
    ("lines", "auth"),
    [
        (["token: t"], "token"),
        (["api_key: k", "secret: s"], "api-key"),
        (
            ["token_url: https://a.example/t", "client_id: c", "key_id: k", "algorithm: HS384", "secret: s"],
            "signed-assertion",
        ),
    ],
)
def test_the_ways_of_being_known(loaded: Load, lines: list[str], auth: str, least: Least) -> None:
    assert loaded(least(upstream="\n      ".join([HOST, *lines]))).sites[0].upstream.auth == auth


@pytest.mark.parametrize("content", [b"x" * 65_537, b"x" * 65_536 + "é".encode()])
def test_a_secret_file_without_end_is_not_read_to_its_end(
    faults_of: FaultsOf, folder: Path, content: bytes, least: Least
) -> None:
    (folder / "secret").write_bytes(content)
    [fault] = faults_of(least(upstream=f"{HOST}\n      token_file: secret"))
    assert "it is longer than 64 KB" in fault


@pytest.mark.parametrize(
    ("content", "value", "fault"),
    [
        ("s\n", "s", None),
        ("s\r\n", "s", None),
        ("'s", "'s", None),
        ("s\n\n", None, "holds a line break"),
        (" s", None, "begins or ends with a blank"),
        ("s\t\n", None, "begins or ends with a blank"),
    ],
)
def test_only_the_last_line_break_of_a_secret_file_is_dropped(
    loaded: Load,
    faults_of: FaultsOf,
    folder: Path,
    content: str,
    value: str | None,
    fault: str | None,
    least: Least,
) -> None:
    (folder / "secret").write_bytes(content.encode())
    text = least(upstream=f"{HOST}\n      token_file: secret")
    if fault is not None:
        assert fault in faults_of(text)[0]
    else:
        assert loaded(text).sites[0].upstream.token == SecretStr(value or "")


def test_secrets_are_in_no_repr(loaded: Load, first: str) -> None:
    settings = loaded(first)
    for shown in (
        repr(settings),
        str(settings),
        repr(settings.sites[0].upstream),
        str(settings.model_dump()),
    ):
        assert "canary" not in shown
    assert "canary" not in settings.model_dump_json()


def test_settings_are_frozen(loaded: Load, first: str) -> None:
    settings = loaded(first)
    with pytest.raises(ValidationError):
        settings.server.port = 1
    with pytest.raises(ValidationError):
        settings.sites[0].upstream.base_url = "x"


def test_ten_times_the_sites_take_about_ten_times_as_long_to_load(loaded: Load, first: str) -> None:
    head, one = first.split("sites:\n")

    def seconds(count: int) -> float:
        many = (one.replace("id: demo", f"id: s{n}").replace("af394f14", f"{n:08x}") for n in range(count))
        text = f"{head}sites:\n{''.join(many)}"
        began = time.process_time()
        assert len(loaded(text).sites) == count
        return time.process_time() - began

    few = min(seconds(100) for _ in range(3))
    assert min(seconds(1000) for _ in range(2)) < 50 * few
