"""A folder with what the first forms name, and the two things every test does: load, and ask for faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gateway.config import Settings, load
from gateway.files.marked import Faults

ENVIRON = {
    "REDOX_VERIFICATION_TOKEN": "canary-8d03b6f1e75a",
    "CANVAS_CLIENT_ID": "client-1",
    "CANVAS_CLIENT_SECRET": "canary-secret",
}
PEM = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n"

# The least that is valid, to put one thing into; %(site)s and %(upstream)s begin lines of their own.
LEAST = """\
sites:
  - id: one
    timezone: UTC
    redox: {destination_ids: [d], verification_token: canary-40b7e91d6c2f}
    %(site)s
    upstream:
      dialect: canvas
      %(upstream)s
"""
HOST = "base_url: https://ehr.example/fhir"


@pytest.fixture
def least() -> Callable[..., str]:
    """The least that is valid, with these lines in its site or after its base_url."""

    def text(site: str = "", upstream: str = HOST) -> str:
        return LEAST % {"site": site, "upstream": upstream}

    return text


@pytest.fixture
def first() -> str:
    """The first form of the configuration, with every default written out."""
    return (Path(__file__).parent / "first.yaml").read_text("utf-8")


@pytest.fixture
def second() -> str:
    """The first form of a site that FHIR clients ask and Redox answers."""
    return (Path(__file__).parent / "second.yaml").read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mappings").mkdir()
    (tmp_path / "redox.pem").write_text(PEM)
    (tmp_path / "empty").touch()
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    return tmp_path


@pytest.fixture
def loaded(folder: Path) -> Callable[..., Settings]:
    """Load this text as ``gateway.yaml`` of the folder."""

    def load_text(text: str, environ: Mapping[str, str] = ENVIRON) -> Settings:
        (folder / "gateway.yaml").write_text(text)
        return load(folder / "gateway.yaml", environ)

    return load_text


@pytest.fixture
def faults_of(folder: Path, loaded: Callable[..., Settings]) -> Callable[..., list[str]]:
    """The faults of this text, without the name of the file; none of them shows a canary."""

    def faults(text: str, environ: Mapping[str, str] = ENVIRON) -> list[str]:
        with pytest.raises(Faults) as raised:
            loaded(text, environ)
        assert "canary" not in str(raised.value)
        said = str(raised.value).replace(f"{folder}/gateway.yaml:", "")
        return said.replace(str(folder), "FOLDER").split("\n")

    return faults
