"""Settings as plain values and back: for another process that is to have the same ones, secrets and all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from gateway.config.cross import PEM_LIMIT
from gateway.config.resolve import dotted
from gateway.config.settings import Settings
from gateway.files.marked import Faults, Mark, MarkedMap
from gateway.files.regular import read_file, reason_of

_PEM_KEYS: Final = ("certificate_file", "key_file", "ca_file")


def revealed(settings: Settings) -> dict[str, Any]:
    """All of them as maps, lists, texts and numbers. What comes out holds the secrets in the clear."""
    plain = _plain(settings.model_dump())
    assert isinstance(plain, dict)
    return plain


def settled(
    plain: Mapping[str, Any], paths: Mapping[str, str], *, file: str, like: Settings | None = None
) -> Settings:
    """The settings that were :func:`revealed`, with the PEM files at other ``paths``, each by its former one.

    Their values are found at the places where ``like`` has them, else at the beginning of ``file``.
    """
    settings = Settings.model_validate(_moved(plain, paths))
    settings._root = MarkedMap(Mark(file, 1, 1), ()) if like is None else like._root
    settings._remarks = () if like is None else like._remarks
    return settings


def pem_files(settings: Settings) -> dict[str, bytes]:
    """What is in the certificates and keys that are named by a path. Raises Faults if one cannot be read."""
    found: dict[str, bytes] = {}
    for place, path in _named(settings):
        if path is not None and str(path) not in found:
            try:
                found[str(path)] = read_file(path, PEM_LIMIT)
            except (OSError, ValueError) as error:
                said = f"{dotted(place)}: cannot read this file: {reason_of(error)}"
                raise Faults([settings.where(place).fault(said)]) from None
    return found


def _named(settings: Settings) -> Iterator[tuple[tuple[str | int, ...], Path | None]]:
    if (tls := settings.server.tls) is not None:
        yield ("server", "tls", "certificate_file"), tls.certificate_file
        yield ("server", "tls", "key_file"), tls.key_file
    for position, site in enumerate(settings.sites):
        yield ("sites", position, "upstream", "ca_file"), site.upstream.ca_file


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value) if isinstance(value, Path) else value


def _moved(value: Any, paths: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {
            key: paths.get(each, each) if key in _PEM_KEYS and isinstance(each, str) else _moved(each, paths)
            for key, each in value.items()
        }
    return [_moved(each, paths) for each in value] if isinstance(value, list) else value
