"""The admin listener's address is had without the secrets of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import FILE_LIMIT
from gateway.config.admin import admin_of
from gateway.files.marked import Faults


def asked(tmp_path: Path, text: str, **environ: str) -> tuple[str, int]:
    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    admin = admin_of(path, environ, FILE_LIMIT)
    return admin.host, admin.port


def test_what_is_written_or_the_usual(tmp_path: Path) -> None:
    rest = "sites: [{redox: {verification_token: '${NOT_SET}'}}]\n"
    assert asked(tmp_path, rest) == ("127.0.0.1", 9090)
    assert asked(tmp_path, f"admin: {{port: 7}}\n{rest}") == ("127.0.0.1", 7)
    assert asked(tmp_path, f"admin: {{host: '::1', port: '${{PORT}}'}}\n{rest}", PORT="81") == ("::1", 81)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("admin: {port: x}\n", "1:8: admin: host must be a text, and port a number"),
        ("admin: {port: '${PORT}'}\n", "1:15: admin.port: the environment variable PORT is not set"),
        ("admin: {port: 99999}\n", "1:8: admin: host must be a text, and port a number"),
        ("admin: {host: [a]}\n", "1:8: admin: host must be a text, and port a number"),
    ],
)
def test_faults(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Faults) as wrong:
        asked(tmp_path, text)
    assert [str(each).partition("gateway.yaml:")[2] for each in wrong.value.faults] == [said]


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(Faults, match="cannot read this file"):
        admin_of(tmp_path / "gateway.yaml", {}, FILE_LIMIT)
