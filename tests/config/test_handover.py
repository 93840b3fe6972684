"""Settings that another process is to have, whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from gateway.config import load
from gateway.config.handover import pem_files, revealed, settled
from gateway.files.marked import Faults

from .conftest import ENVIRON


@pytest.mark.parametrize("which", ["first", "second"])
def test_all_of_them_arrive(which: str, folder: Path, request: pytest.FixtureRequest) -> None:
    path = folder / "gateway.yaml"
    path.write_text(request.getfixturevalue(which))
    settings = load(path, ENVIRON)
    sent = msgspec.msgpack.encode(revealed(settings))
    arrived = settled(msgspec.msgpack.decode(sent), {}, file=str(path), like=settings)
    assert arrived == settings  # secrets compare by what they hold
    assert b"canary" in sent
    assert "canary" not in repr(arrived)
    alone = settled(msgspec.msgpack.decode(sent), {}, file=str(path))
    assert alone.model_dump() == settings.model_dump()
    assert str(alone.where(("sites", 0, "id")).fault("x")) == f"{path}:1:1: x"


def test_pem_files_go_along_and_stand_elsewhere(folder: Path, least: Callable[..., str]) -> None:
    path, authority = folder / "gateway.yaml", folder / "ca.pem"
    authority.write_text("PEM")
    path.write_text(least(upstream="base_url: https://ehr.example/fhir\n      ca_file: ca.pem"))
    settings = load(path, {})
    assert pem_files(settings) == {str(authority): b"PEM"}
    moved = settled(revealed(settings), {str(authority): "/elsewhere"}, file="", like=settings)
    assert moved.sites[0].upstream.ca_file == Path("/elsewhere")
    authority.unlink()
    with pytest.raises(Faults) as wrong:
        pem_files(settings)
    assert [str(fault) for fault in wrong.value.faults] == [
        f"{path}:9:16: sites[0].upstream.ca_file: cannot read this file: No such file or directory"
    ]
