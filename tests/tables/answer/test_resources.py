"""The lines of a directory out of an EHR's resources, however long their texts are."""

from __future__ import annotations

from pathlib import Path

from gateway.core.plan import Answer, Call
from tests import clinic

COMMENT = f"Schedule for Pat Granite MD{' at' * 100_000} at {clinic.HOSPITAL}"


def test_a_place_is_found_at_the_end_of_a_text_of_any_length(tmp_path: Path) -> None:
    """Each " at " may be the last before the name: a text of nothing else would take hours if all were."""
    page = clinic.bundle(clinic.schedule(clinic.GRANITE_HOSPITAL, COMMENT))
    pages = {**clinic.DIRECTORY, "Schedule": page}
    mapping = clinic.tables(tmp_path)
    outcomes = [Answer(Call(kind), (pages[kind],)) for kind in ("Schedule", "Practitioner", "Location")]
    (line, *_) = mapping.directory(outcomes).lines
    assert line["facility"] == clinic.HOSPITAL
