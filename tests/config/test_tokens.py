"""Tokens that keep nobody out are told, with a way to make one that does."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import pytest

from gateway.config import Settings

Load = Callable[..., Settings]
FaultsOf = Callable[..., list[str]]
Least = Callable[..., str]
GOOD = "8d03b6f1e75a40b7e91d6c2f"
SITE = """\
  - id: %(id)s
    timezone: UTC
    redox: {destination_ids: [%(destination)s], verification_token: '%(token)s'}
    upstream: {dialect: canvas, base_url: %(url)s, client_id: %(client)s, token_url: "https://a.example/t",
      client_secret: %(secret)s}
"""


def sites(*changes: dict[str, str]) -> str:
    """A configuration of a site for each, with these values in place of good ones."""
    usual = {"token": GOOD, "url": "https://ehr.example", "client": "us", "secret": "8c1f0b6a2d497e53"}
    numbered = ({"id": f"s{n}", "destination": f"d{n}", **usual, **each} for n, each in enumerate(changes))
    return "sites:\n" + "".join(SITE % each for each in numbered)


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("~", "is shorter than 16 characters; make one with"),
        (GOOD[:15], "is shorter than 16 characters; make one with"),
        ("a" * 64, "repeats itself"),
        ("changeme-changeme-", "repeats itself"),
        ("1234567890123456", "repeats itself, or counts up"),
        (f'"{GOOD}"', "begins and ends with a quote that would be part of it"),
        (f"<{GOOD}>", "begins and ends with a quote that would be part of it"),
        (f" {GOOD}", "holds a space, line break or sign that an HTTP header cannot carry"),
        (f"{GOOD}é", "holds a space, line break or sign that an HTTP header cannot carry"),
        (f"{GOOD}\u00e9", "holds a space, line break or sign that an HTTP header cannot carry"),
    ],
)
@pytest.mark.parametrize("form", ["typed", "variable", "file"])
def test_a_verification_token_that_is_none(
    faults_of: FaultsOf, folder: object, token: str, said: str, form: str
) -> None:
    if form == "typed":
        [fault] = faults_of(sites({"token": token}))
    elif form == "variable":
        [fault] = faults_of(sites({"token": "${T}"}), {"T": token})
    else:
        text = sites({"token": "t"}).replace("verification_token:", "verification_token_file:")
        (folder / "t").write_text(token, "utf-8")  # type: ignore[operator]
        [fault] = faults_of(text)
    place, _, text = fault.partition(" ")
    assert place.startswith("4:") and text.startswith("sites[0].redox.verification_token: ")
    assert said in text and token not in text
    assert ("openssl rand -hex 32" in text) == ("make one" in text)


@pytest.mark.parametrize("token", ["8d03b6f1e75a40b7", "af394f14-b34a-464f-8d24-895f370af4c9", GOOD * 4])
def test_a_token_that_may_do(loaded: Load, token: str) -> None:
    settings = loaded(sites({"token": token}))
    assert settings.remarks == ()


@pytest.mark.parametrize(
    "token", ["your-verification-token", "REDOX_VERIFICATION_TOKEN", "my-secret-token-1234567890"]
)
def test_a_token_of_the_words_of_examples_is_remarked(loaded: Load, token: str) -> None:
    [remark] = loaded(sites({"token": token})).remarks
    assert "sites[0].redox.verification_token: is made of words that stand in every example" in remark.text
    assert "openssl rand -hex 32" in remark.text and token not in remark.text


def test_one_token_for_several_sites_is_remarked_once(loaded: Load) -> None:
    [remark] = loaded(sites({}, {}, {"token": "2" + GOOD}, {})).remarks
    assert (remark.line, remark.column) == (9, 56)
    assert "sites[1].redox.verification_token: is the token of 3 sites, the first sites[0]" in remark.text
    assert GOOD not in remark.text


@pytest.mark.parametrize(
    "token", ["", "test", "secret", "changeme", "x", "1234", "Token", "test-token", "secret\n"]
)
def test_a_hash_that_everybody_knows(faults_of: FaultsOf, least: Least, token: str) -> None:
    digest = sha256(token.encode()).hexdigest()
    for form in (digest, digest.upper()):
        [fault] = faults_of(least(f"fhir: {{clients: [{{id: a, token_sha256: {form}}}]}}"))
        assert fault.startswith(
            "5:44: sites[0].fhir.clients[0].token_sha256: is that of an empty text, or of a word"
        )


def test_a_client_that_is_called_by_its_token(faults_of: FaultsOf, least: Least) -> None:
    digest = sha256(b"canary-6e1b").hexdigest()
    [fault] = faults_of(least(f"fhir: {{clients: [{{id: canary-6e1b, token_sha256: {digest}}}]}}"))
    assert fault.startswith("5:27: sites[0].fhir.clients[0].id: is a client's token; the log tells ids")


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ("'canary s'", "holds a space or sign that an HTTP header cannot carry"),
        ("' canary'", "begins or ends with a blank"),
        ('"canary\\n"', "holds a line break; a secret is one line"),
        ("'\"canary\"'", "begins and ends with a quote that would be part of it"),
        ("canaryé", "holds a space or sign that an HTTP header cannot carry"),
    ],
)
def test_what_copying_has_added_to_a_secret_of_others(
    faults_of: FaultsOf, least: Least, held: str, said: str
) -> None:
    [fault] = faults_of(least(upstream=f"base_url: https://ehr.example\n      token: {held}"))
    assert fault.startswith("9:14: sites[0].upstream.token: ") and said in fault


@pytest.mark.parametrize("secret", ["token", "secret"])
@pytest.mark.parametrize(
    ("key", "value", "path"),
    [
        ("destination", "%s", "redox.destination_ids[0]"),
        ("url", "https://ehr.example/%s/fhir", "upstream.base_url"),
        ("client", "%s", "upstream.client_id"),
        ("client", "x-%s", "upstream.client_id"),
    ],
)
def test_a_secret_that_also_stands_in_the_open(
    faults_of: FaultsOf, secret: str, key: str, value: str, path: str
) -> None:
    canary = "canary-8d03b6f1e75a"
    [fault] = faults_of(sites({secret: canary, key: value % canary}))
    where = {"token": "redox.verification_token", "secret": "upstream.client_secret"}[secret]
    assert f"sites[0].{path}: holds the secret that is given at sites[0].{where}" in fault


def test_a_secret_of_one_site_in_another(faults_of: FaultsOf) -> None:
    canary = "canary-8d03b6f1e75a"
    [fault] = faults_of(sites({"token": canary}, {"destination": canary}))
    assert "sites[1].redox.destination_ids[0]: holds the secret that is given at sites[0].redox" in fault
