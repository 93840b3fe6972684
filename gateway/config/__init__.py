"""The only reader of configuration files and of the environment.

``load`` gives frozen :class:`Settings`, or raises every fault of the file at once. What it cannot know
(whether a dialect exists, and which keys of ``upstream`` its kind needs) is asked of the tables later;
``Settings.where`` gives such faults their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from gateway.config.cross import check
from gateway.config.explain import places, schema, validate
from gateway.config.resolve import Draft, resolve
from gateway.config.settings import Settings, Site, Upstream
from gateway.config.shared import shared, told_once
from gateway.config.tokens import check_tokens
from gateway.config.upstream_auth import OWN_FIELDS
from gateway.files.marked import Fault, Faults, read
from gateway.files.regular import read_file, reason_of

FILE_LIMIT = 16_777_216

__all__ = ["Settings", "Site", "Upstream", "load"]


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """Read and check one configuration file.

    ``environ`` is where ``${NAME}`` is looked up. Relative paths in the file count from its folder. Raises
    :class:`Faults` with everything that is wrong, each as ``file:line:column: key: what, and what to write
    instead``; none of it quotes what the file holds, nor the value of a variable.
    """
    try:
        raw = read_file(path, FILE_LIMIT)
    except (OSError, ValueError) as error:
        raise Faults([Fault(str(path), 1, 1, f"cannot read this file: {reason_of(error)}")]) from None
    root, faults = read(raw, str(path))
    if root is None:
        raise Faults(faults)
    common = shared(root)
    root = common.root
    faults += common.faults
    keys = frozenset((*places(), *OWN_FIELDS))
    draft = Draft(root, path.absolute().parent, environ, keys, faults, common.names)
    draft.remarks += [mark.fault("like: no site is like this") for mark in common.unused]
    value = resolve(draft, root, schema())
    validate(draft, value)
    check(draft, value)
    check_tokens(draft, value, schema())
    if draft.faults:
        raise Faults(draft.faults)
    for site in value["sites"]:
        site["upstream"]["base_url"] = site["upstream"]["base_url"].rstrip("/")
    try:
        settings = Settings.model_validate(value)
    except ValidationError as error:
        for found in error.errors(include_url=False, include_context=False, include_input=False):
            draft.fault(found["loc"], found["msg"])
        raise Faults(draft.faults) from None
    settings._root = root
    settings._remarks = tuple(told_once(draft.remarks))
    return settings
