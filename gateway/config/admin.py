"""Where the admin listener of a configuration is: for who asks a gateway that runs, without its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gateway.config.explain import places, schema
from gateway.config.resolve import Draft, resolve
from gateway.config.settings import Admin
from gateway.files.marked import Fault, Faults, MarkedMap, read
from gateway.files.regular import read_file, reason_of


def admin_of(path: Path, environ: Mapping[str, str], limit: int) -> Admin:
    """Its host and port; of the rest of the file nothing is looked at. Raises Faults."""
    try:
        root, faults = read(read_file(path, limit), str(path))
    except (OSError, ValueError) as error:
        raise Faults([Fault(str(path), 1, 1, f"cannot read this file: {reason_of(error)}")]) from None
    if root is None:
        raise Faults(faults)
    node = root.get("admin")
    if not isinstance(node, MarkedMap):
        return Admin()
    draft = Draft(root, path.absolute().parent, environ, frozenset(places()))
    value = resolve(draft, node, schema()["properties"]["admin"], ("admin",))
    if draft.faults:
        raise Faults(draft.faults)
    try:
        return Admin(host=value.get("host", Admin().host), port=value.get("port", Admin().port))
    except ValueError:
        raise Faults([node.mark.fault("admin: host must be a text, and port a number")]) from None
