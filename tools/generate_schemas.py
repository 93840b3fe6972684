"""Write ``schemas/redox`` and ``schemas/fhir`` from the models of the packages `redox` and `fhir.resources`,
and ``schemas/editor`` from the other schemas and the shipped tables.

Run as ``python -m tools.generate_schemas`` (or ``make schemas``) from the top of the repository. A test holds
the files equal to what this writes, so that nobody edits them by hand.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from redox.scheduling import AvailableSlots, AvailableSlotsResponse

from gateway import shipped
from gateway.editors import names
from gateway.editors import schemas as of_editors
from tools.fhir_schema import resource_schema

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
FHIR_RESOURCES = (
    "Slot",
    "Schedule",
    "Practitioner",
    "PractitionerRole",
    "Location",
    "HealthcareService",
    "Organization",
    "Bundle",
    "OperationOutcome",
)


def redox_schema(model: type[AvailableSlots] | type[AvailableSlotsResponse]) -> Schema:
    """The JSON Schema of one Redox message.

    An object or a list that the model declares without ``| None`` stays not nullable, although its default is
    None: the model accepts that it is absent and refuses an explicit null.
    """
    return _plain(model.model_json_schema(by_alias=True))


def _plain(schema: Schema) -> Schema:
    """The schema without the titles pydantic invents and the defaults that only say "may be absent"."""
    plain: Schema = {}
    for key, value in schema.items():
        if key == "title" or (key == "default" and value is None):
            continue
        if key in ("properties", "$defs"):
            plain[key] = {name: _plain(part) for name, part in value.items()}
        elif key == "items":
            plain[key] = _plain(value)
        elif key == "anyOf" and all(set(part) == {"type"} for part in value):
            plain["type"] = [part["type"] for part in value]
        else:
            plain[key] = value
    return plain


def schemas() -> dict[str, Schema]:
    """Every generated schema, by its path below ``schemas/``."""
    messages = (AvailableSlots, AvailableSlotsResponse)
    named = {f"redox/{model.__name__}.json": redox_schema(model) for model in messages}
    named |= {f"fhir/{name}.json": resource_schema(name) for name in FHIR_RESOURCES}
    return {path: {"$schema": DRAFT, "$id": path, **schema} for path, schema in named.items()}


def rendered() -> dict[str, str]:
    """The text of every generated file, by its path below ``schemas/``."""
    written = {path: json.dumps(schema, indent=2) + "\n" for path, schema in schemas().items()}
    editor = of_editors.rendered(names.names_in([shipped.folder("mappings")]))
    return written | {f"editor/{name}": text for name, text in editor.items()}


def main() -> int:
    """Write the files into the repository this module stands in, and name them."""
    top = Path(__file__).resolve().parent.parent / "schemas"
    for path, text in rendered().items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text, encoding="utf-8")
        print(f"schemas/{path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
