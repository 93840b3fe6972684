"""Where the tables and schemas that come with the package stand."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).resolve().parent


def folder(name: Literal["mappings", "schemas"]) -> Path:
    """The folder of the shipped mapping tables or JSON Schemas.

    A wheel carries them inside the package; in a checkout (also one that is installed editable) they stand at
    the top of the repository. Both are the same files. Raises FileNotFoundError when neither is there, which
    means that the installation is broken.
    """
    for candidate in (_PACKAGE / "_shipped" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(
        f"the shipped {name} are missing beside {_PACKAGE}: reinstall the package redox-fhir-gateway"
    )
