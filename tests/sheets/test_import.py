# ruff: noqa: E501
"""``gateway import``: edits of a workbook come back into the files of a layer, and nothing else does."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.sheets.conftest import CODES, LAYER, SCHEDULES

ANSWER, QUERY = "available-slots.answer", "available-slots.query"
Edit = Callable[[Any], None]


class Desk:
    """The clinic, its workbook, and the analyst at it."""

    exported: bytes = b""  # of the clinic as each test finds it

    def __init__(self, gateway: Any, clinic: Path) -> None:
        self.run, self.clinic = gateway, clinic
        self.north = clinic / "tables" / "sites" / "north"
        if not Desk.exported:
            self.export()
            Desk.exported = (clinic / "north.xlsx").read_bytes()
        (clinic / "north.xlsx").write_bytes(Desk.exported)

    def export(self) -> None:
        assert self.run("export", "--site", "north", "-f", "xlsx", "-o", "north.xlsx", "--force")[0] == 0

    def edit(self, edit: Edit) -> None:
        book = openpyxl.load_workbook(self.clinic / "north.xlsx")
        edit(book)
        book.save(self.clinic / "north.xlsx")

    def take(self, *more: str) -> tuple[int, str, str]:
        done: tuple[int, str, str] = self.run("import", "north.xlsx", *more)
        return done

    def texts(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.clinic / "tables")): path.read_text()
            for path in sorted((self.clinic / "tables").rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def desk(gateway: Any, clinic: Path) -> Desk:
    return Desk(gateway, clinic)


def _row(sheet: Any, *begins: str) -> int:
    return next(n for n, line in enumerate(sheet.values, 1) if line[: len(begins)] == begins)


def _set(name: str, row: str, cell: str, value: str | None) -> Edit:
    """The value of a cell of a field table; a line more where the row has no such cell."""

    def edit(book: Any) -> None:
        sheet = book[name]
        try:
            sheet.cell(_row(sheet, row, cell), 3).value = value
        except StopIteration:
            sheet.append([row, cell, value])

    return edit


def _gone(name: str, *begins: str) -> Edit:
    def edit(book: Any) -> None:
        sheet = book[name]
        for number in range(sheet.max_row, 1, -1):
            if tuple(cell.value for cell in sheet[number])[: len(begins)] == begins:
                sheet.delete_rows(number)

    return edit


def test_a_workbook_that_nobody_edited_changes_nothing(desk: Desk) -> None:
    before = desk.texts()
    code, told, _ = desk.take()
    assert (code, told) == (0, "Nothing is otherwise than it was exported.\n")
    assert desk.texts() == before


def test_what_would_change_is_shown_and_not_written(desk: Desk) -> None:
    before = desk.texts()
    desk.edit(_set(ANSWER, "Reason", "note", "their words"))
    code, told, _ = desk.take("--dry-run")
    assert code == 0 and desk.texts() == before
    assert told.splitlines() == [
        ANSWER,
        '  Reason.note: "=first line\\nsecond" -> "their words"',
        "would be changed  tables/sites/north/answer.yaml",
    ]
    told = json.loads(desk.take("--dry-run", "--json")[1])
    assert told["files"] == {"tables/sites/north/answer.yaml": "changed"} and not told["written"]


@pytest.mark.parametrize(
    ("edit", "old", "new"),
    [
        (_set(ANSWER, "Reason", "note", "a: b"), '    note: "=first line\\nsecond"\n', '    note: "a: b"\n'),
        (_set(ANSWER, "Reason", "note", "a\nb"), '"=first line\\nsecond"', '"a\\nb"'),
        (_set(ANSWER, "Reason", "note", "'=a"), '"=first line\\nsecond"', "=a"),
        (_set(ANSWER, "Reason", "loses", "all"), 'second"\n', 'second"\n    loses: all\n'),
        (_set(ANSWER, "ignore Notes", "because", "why"), "because: nobody | <reads> them", "because: why"),
        (
            _gone(ANSWER, "Reason", "note"),
            '  - row: Reason      # their own words\n    note: "=first line\\nsecond"\n',
            "",
        ),
        (
            _set(ANSWER, "Reason", "note", None),
            '  - row: Reason      # their own words\n    note: "=first line\\nsecond"\n',
            "",
        ),
        (_set(ANSWER, "DateTime", "note", "new"), 'second"\n', 'second"\n  - row: DateTime\n    note: new\n'),
        (
            _set(
                ANSWER,
                "Duration",
                "example",
                '{fhir: "2023-09-21T09:05:00-07:00", redox: "20", with: "2023-09-21T15:45:00.000Z"}',
            ),
            "",
            "",
        ),
    ],
)
def test_cells_of_field_tables_come_back_with_comments_and_order_kept(
    desk: Desk, edit: Edit, old: str, new: str
) -> None:
    desk.edit(edit)
    code, _, error = desk.take()
    assert (code, error) == (0, "")
    assert desk.texts()["sites/north/answer.yaml"] == LAYER.replace(old, new)
    desk.export()
    assert desk.take()[1] == "Nothing is otherwise than it was exported.\n"


def test_a_table_of_which_the_layer_says_nothing_yet_gets_a_file(desk: Desk) -> None:
    desk.edit(_set(QUERY, "EndDateTime", "note", "new"))
    assert desk.take()[0] == 0
    assert desk.texts()[f"sites/north/{QUERY}.yaml"] == (
        "# yaml-language-server: $schema=../../../schemas/editor/mapping-table.json\n"
        f"over: {QUERY}\nrows:\n  - row: EndDateTime\n    note: new\n"
    )
    desk.export()
    desk.edit(
        _set(
            QUERY,
            "EndDateTime",
            "note",
            "Base FHIR has no search by end; both bounds are comparisons on start.",
        )
    )
    assert "removed  tables/sites/north/available-slots.query.yaml" in desk.take()[1]
    assert not (desk.north / f"{QUERY}.yaml").exists()


def test_rows_are_dropped_brought_back_and_added(desk: Desk) -> None:
    desk.edit(_gone(ANSWER, "ignore Notes"))
    desk.edit(_gone(ANSWER, "Notes"))
    code, told, error = desk.take()
    assert (code, error) == (0, ""), error
    assert "restore row Notes" in told and "drop row ignore Notes" in told
    assert desk.texts()["sites/north/answer.yaml"].startswith("# What north has otherwise.\n")
    desk.export()
    desk.edit(_set("directory", "email", "directory", "email"))
    desk.edit(
        _set(
            "directory", "email", "fhir", "Practitioner.telecom.where(system='email').where(use='work').value"
        )
    )
    desk.edit(
        _set("directory", "by hand", "key", "x") if False else _set("directory", "email", "note", "0012")
    )
    assert desk.take()[0] == 0
    assert desk.texts()["sites/north/directory.yaml"].endswith(
        "rows:\n  - directory: email\n    fhir: Practitioner.telecom.where(system='email').where(use='work').value\n    note: 0012\n"
    )


def test_a_row_that_is_dropped_may_say_why(desk: Desk) -> None:
    desk.edit(_set(QUERY, "only free slots", "dropped", "it has no status"))
    assert desk.take()[0] == 0
    assert desk.texts()[f"sites/north/{QUERY}.yaml"].endswith(
        "  - row: only free slots\n    drop: true\n    because: it has no status\n"
    )


def _line(name: str, number: int, column: int, value: Any) -> Edit:
    def edit(book: Any) -> None:
        book[name].cell(number, column).value = value

    return edit


PLACE = "sites/north/codes/visit-types.csv"


@pytest.mark.parametrize(
    ("edit", "old", "new"),
    [
        (_line("visit-types", 2, 3, "0042"), "007,Own,308335008,", "007,Own,0042,"),
        (_line("visit-types", 2, 6, "03-11, or 1E5"), "sct,,Check", 'sct,,"03-11, or 1E5"'),
        (_line("visit-types", 3, 1, "'+2"), "'+1,Own", "'+2,Own"),
        (_line("visit-types", 2, 1, "98765432109876543210"), "007,", "98765432109876543210,"),
        (
            lambda book: book["visit-types"].delete_rows(3),
            "'+1,Own,0042,http://snomed.info/sct,to-fhir,\n",
            "",
        ),
        (
            lambda book: book["visit-types"].append(["08", "Own", "09", "x:y"]),
            '"a, b"\n',
            '"a, b"\n08,Own,09,x:y,,\n',
        ),
        (lambda book: book["visit-types"].move_range("A3:H3", rows=3), "", ""),  # order is the file's
    ],
)
def test_lines_of_code_tables_come_back(desk: Desk, edit: Edit, old: str, new: str) -> None:
    desk.edit(edit)
    code, _, error = desk.take()
    assert (code, error) == (0, "")
    assert desk.texts()[PLACE] == CODES.replace(old, new)


def test_a_line_of_a_layer_below_is_overruled_by_one_of_this(desk: Desk) -> None:
    desk.edit(_line("preferred-times", 2, 3, "07:00 to 12:00"))
    code, told, error = desk.take()
    assert (code, error) == (0, "")
    assert desk.texts()["sites/north/codes/preferred-times.csv"] == (
        "redox_code,redox_system,fhir_code,fhir_system,way,note\nAM,,07:00 to 12:00,,to-fhir,\n"
    )
    assert '  change line AM (fhir_code: "00:00 to 12:00" -> "07:00 to 12:00")' in told


def test_schedules_come_back(desk: Desk) -> None:
    desk.edit(_line("schedules", 2, 5, "0007"))
    assert desk.take()[0] == 0
    assert desk.texts()["sites/north/schedules.csv"] == SCHEDULES.replace("03-11", "0007")


def test_schedules_that_another_layer_has_are_written_whole(desk: Desk) -> None:
    (desk.north / "schedules.csv").rename(desk.clinic / "tables" / "base.csv")
    (desk.clinic / "tables" / "base").mkdir()
    (desk.clinic / "tables" / "base.csv").rename(desk.clinic / "tables" / "base" / "schedules.csv")
    desk.export()
    desk.edit(_line("schedules", 3, 5, "9"))
    assert desk.take()[0] == 0
    lines = desk.texts()["sites/north/schedules.csv"].splitlines()
    assert len(lines) == 3 and lines[1].startswith("s1,0123456789,NPI,") and ",'+Care,9," in lines[2]
    assert desk.texts()["base/schedules.csv"] == SCHEDULES


def test_the_dialect_comes_back(desk: Desk) -> None:
    def edit(book: Any) -> None:
        sheet = book["dialect"]
        sheet.cell(_row(sheet, "together_at_most"), 2).value = "7"
        sheet.cell(_row(sheet, "levels.room"), 2).value = "{types: [ro], else: own}"

    desk.edit(edit)
    code, _, error = desk.take()
    assert (code, error) == (0, "")
    assert desk.texts()["sites/north/dialect.yaml"] == (
        "# yaml-language-server: $schema=../../../schemas/editor/dialect.json\n"
        "dialect:\n  levels: {room: {types: [ro], else: own}}\n  together_at_most: 7\n"
    )
    desk.export()
    desk.edit(lambda book: book["dialect"].delete_rows(_row(book["dialect"], "together_at_most")))
    code, _, error = desk.take()
    assert code == 3 and "north.xlsx:dialect:1:2: B1: this does not come out" in error


def test_errors_come_back(desk: Desk) -> None:
    def edit(book: Any) -> None:
        sheet = book["errors"]
        text = [cell.value for cell in sheet[1]].index("text") + 1
        number = next(n for n, line in enumerate(sheet.values, 1) if line[0] == "breaker")
        sheet.cell(number, text).value = "Closed for a while."

    desk.edit(edit)
    code, _, error = desk.take()
    assert (code, error) == (0, "")
    told = desk.texts()["sites/north/errors.yaml"]
    assert told.startswith(
        "# yaml-language-server: $schema=../../../schemas/editor/error-table.json\nerrors:\n  - failure: breaker\n"
    )
    assert told.endswith("    text: Closed for a while.\n")
    desk.export()
    desk.edit(lambda book: edit_text(book, "Open again."))
    assert desk.take()[0] == 0
    assert desk.texts()["sites/north/errors.yaml"] == told.replace("Closed for a while.", "Open again.")


def edit_text(book: Any, text: str) -> None:
    for line in book["errors"].iter_rows():
        for cell in line:
            if cell.value == "Closed for a while.":
                cell.value = text


def test_edits_go_to_the_layer_that_is_named(desk: Desk) -> None:
    desk.edit(_set(QUERY, "EndDateTime", "note", "ours"))
    assert desk.take("--layer", "dialect")[0] == 0
    assert f"fhir-r4/{QUERY}.yaml" in desk.texts()
    desk.export()
    desk.edit(_set(QUERY, "EndDateTime", "note", "of all"))
    code, _, error = desk.take("--layer", "base")
    assert (
        code == 3
        and f"this does not come out: another layer, or another line, stands over it (tables/fhir-r4/{QUERY}.yaml:"
        in error
    )
    assert f"base/{QUERY}.yaml" not in desk.texts()
    assert desk.take("--layer", "like")[0] == 2


FAULTS: list[tuple[Edit, str]] = [
    (_set(ANSWER, "Reason", "codec", "tetx"), f'{ANSWER}:{{row}}:3: C{{row}}: there is no codec "tetx"'),
    (_set(ANSWER, "Reason", "fhir", "Slot.nope"), 'Slot has no field "nope"'),
    (_set(ANSWER, "Reason", "fhir", "[Slot.id"), "C{row}: the brackets or quotes are not right"),
    (_set(ANSWER, "Reason", "way", "sideways"), '"way" cannot be "sideways"'),
    (_set(ANSWER, "DateTime", "codec", None), "and a layer cannot empty a cell"),
    (_gone(ANSWER, "DateTime"), "DateTime"),
    (_line("visit-types", 2, 3, "=1+1"), "visit-types:2:3: C2: a formula"),
    (_line("visit-types", 2, 3, 12), "ok"),
    (
        _line("visit-types", 2, 3, 12345678901234567890),
        "visit-types:2:3: C2: a number of which the spreadsheet may have lost digits",
    ),
    (_line("visit-types", 2, 3, datetime.date(2025, 3, 11)), "visit-types:2:3: C2: a date or a time"),
    (_line("visit-types", 2, 3, True), "visit-types:2:3: C2: a yes or no"),
    (
        _line("visit-types", 2, 3, "3.08E+08"),
        'visit-types:2:1: A2: "3.08E+08" in "fhir_code" looks like a number that a spreadsheet shortened',
    ),
    (_line("visit-types", 2, 3, None), "visit-types:2:1: A2: needs both a redox_code and a fhir_code"),
    (_line("visit-types", 2, 5, "sideways"), "visit-types:2:"),
    (_line("visit-types", 1, 3, "code"), 'the column "fhir_code" is missing'),
    (_line("visit-types", 2, 9, "mine"), "visit-types:2:9: I2: its column has no name"),
    (lambda book: book["preferred-times"].delete_rows(2), "and no layer can take it away"),
    (_line("schedules", 3, 11, "Europe/Nowhere"), '"Europe/Nowhere" is not a time zone'),
    (lambda book: book[ANSWER].append(["Reason", "note", "x"]), "stands already in row"),
    (lambda book: book[ANSWER].append(["", "note", "x"]), "write which row"),
    (lambda book: book["dialect"].append(["levels.room", "x"]), "stands twice"),
    (lambda book: book["dialect"].append(["no_such", "x"]), '"no_such" is not a key here'),
    (lambda book: book.remove(book["about"]), 'has no sheet "about"'),
]


@pytest.mark.parametrize(("edit", "told"), FAULTS, ids=[told[:50] for _, told in FAULTS])
def test_faults_are_told_by_sheet_row_and_column_and_nothing_is_written(
    desk: Desk, edit: Edit, told: str
) -> None:
    before = desk.texts()
    desk.edit(edit)
    code, out, error = desk.take()
    if told == "ok":
        assert code == 0
        return
    sheet = openpyxl.load_workbook(desk.clinic / "north.xlsx")[ANSWER]
    rows = [
        n for n, line in enumerate(sheet.values, 1) if line[0] == "Reason" and line[1] in ("codec", "fhir")
    ]
    assert (code, out) == (3, ""), out
    assert any(told.replace("{row}", str(row)) in error for row in rows), error
    assert desk.texts() == before and "gateway-import" not in error


def test_not_over_a_change_of_somebody_elses(desk: Desk) -> None:
    desk.edit(_set(ANSWER, "Reason", "note", "their words"))
    (desk.north / "codes" / "visit-types.csv").write_text(CODES + "Z,Own,1,x:y,,\n")
    before = desk.texts()
    code, out, error = desk.take()
    assert (code, out) == (1, "") and "have been changed since north.xlsx was exported" in error
    assert desk.texts() == before


def test_what_is_no_workbook_is_told(desk: Desk) -> None:
    for content in (b"", b"PK\x03\x04 torn", b"a,b\n1,2\n", b"\x00" * 100):
        (desk.clinic / "north.xlsx").write_bytes(content)
        code, _, error = desk.take()
        assert code == 3 and "north.xlsx:1:1: is no .xlsx workbook" in error
    (desk.clinic / "north.xlsx").unlink()
    assert desk.take()[0] == 2


def test_a_sheet_of_ones_own_and_a_missing_one_are_let_be(desk: Desk) -> None:
    def edit(book: Any) -> None:
        book.create_sheet("mine").append(["=1+1"])
        book.remove(book["errors"])
        book[ANSWER].auto_filter.ref = None

    desk.edit(edit)
    assert desk.take()[1] == "Nothing is otherwise than it was exported.\n"


def test_a_concept_map_comes_back(desk: Desk) -> None:
    made = json.loads(desk.run("export", "visit-types", "--site", "north", "-f", "conceptmap")[1])
    place = desk.clinic / "map.json"
    place.write_text(json.dumps(made))
    assert (
        desk.run("import", "map.json", "--site", "north")[1] == "Nothing is otherwise than it was exported.\n"
    )
    made["group"][0]["element"][0]["target"][0]["code"] = "0099"
    made["group"][0]["element"].append({"code": "New", "target": [{"code": "0100", "equivalence": "wider"}]})
    del made["group"][1]
    place.write_text(json.dumps(made))
    code, _, error = desk.run("import", "map.json", "--site", "north")
    assert (code, error) == (0, "")
    assert (
        desk.texts()[PLACE]
        == CODES.replace("308335008", "0099") + "New,Own,0100,http://snomed.info/sct,to-fhir,\n"
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"resourceType": "Bundle"}, "this is no FHIR ConceptMap"),
        ({"resourceType": "ConceptMap", "group": 3}, "ConceptMap.group: must be a list"),
        (
            {
                "resourceType": "ConceptMap",
                "group": [
                    {"element": [{"code": "a", "target": [{"code": "b", "equivalence": "relatedto"}]}]}
                ],
            },
            "neither way for sure",
        ),
        (
            {"resourceType": "ConceptMap", "group": [{"element": [{"target": []}]}]},
            "element[0].code: must be a text",
        ),
    ],
)
def test_what_is_no_concept_map_is_told(desk: Desk, value: Any, told: str) -> None:
    (desk.clinic / "map.json").write_text(json.dumps(value))
    code, _, error = desk.run("import", "map.json", "--site", "north", "--table", "visit-types")
    assert code == 3 and told in error


def _values() -> Iterator[str]:
    yield from (
        "007",
        "00012345678901234567890",
        "2025-10-21",
        "03-11",
        "1E5",
        "TRUE",
        "no",
        "null",
        "=1+1",
        "@x",
        "- a",
        "'x",
        "a: b",
        "# c",
        "[x",
        "{y}",
        "é",
        'q"uote',
    )


def test_texts_survive_the_way_there_and_back(desk: Desk) -> None:
    def rows() -> list[str]:
        told = json.loads(desk.run("export", QUERY, "--site", "north", "-f", "json")[1])
        return list(dict.fromkeys(each["cells"]["row"] for each in told["tables"][0]["lines"]))

    typed = dict(zip(rows(), _values(), strict=False))
    assert len(typed) == len(list(_values()))

    def edit(book: Any) -> None:
        for row, text in typed.items():
            _set(QUERY, row, "note", "?")(book)
            cell = book[QUERY].cell(_row(book[QUERY], row, "note"), 3)
            cell.value = text
            cell.data_type = "s"

    desk.edit(edit)
    code, _, error = desk.take()
    assert (code, error) == (0, "")
    told = json.loads(desk.run("export", QUERY, "--site", "north", "-f", "json")[1])["tables"][0]["lines"]
    notes = {each["cells"]["row"]: each["cells"]["value"] for each in told if each["cells"]["cell"] == "note"}
    assert {row: notes[row] for row in typed} == typed


def test_the_other_site_is_checked_too(desk: Desk) -> None:
    (desk.clinic / "tables" / "sites" / "south").mkdir()
    (desk.clinic / "tables" / "sites" / "south" / "q.yaml").write_text(
        f"over: {ANSWER}\nrows:\n  - row: Duration\n    note: ours\n"
    )
    desk.export()
    desk.edit(_set(ANSWER, "Duration", "note", "ours"))
    code, _, error = desk.take("--layer", "base")
    assert code == 3 and "says again what" in error and "gateway-import" not in error


def test_why_a_row_is_dropped_can_be_said_otherwise(desk: Desk) -> None:
    desk.edit(_set(ANSWER, "Notes", "dropped", "a: b"))
    assert desk.take()[0] == 0
    assert desk.texts()["sites/north/answer.yaml"] == LAYER.replace("nobody reads them", '"a: b"')
    desk.export()
    desk.edit(_set(ANSWER, "Reason", "drop", "true"))
    assert '"drop" is no cell of a row' in desk.take()[2]


def test_a_copy_of_a_shipped_code_table_is_edited_and_of_field_tables_laid_over(desk: Desk) -> None:
    from gateway.shipped import folder

    for name in ("codes/preferred-times.csv", f"fhir-r4/{QUERY}.yaml"):
        place = desk.north / name.removeprefix("fhir-r4/")
        place.write_bytes((folder("mappings") / name).read_bytes())
    desk.export()
    desk.edit(_line("preferred-times", 2, 3, "07:00 to 12:00"))
    desk.edit(_set(QUERY, "the earliest first", "note", "ours"))
    code, _, error = desk.take()
    assert code == 0, error
    lines = desk.texts()["sites/north/codes/preferred-times.csv"].splitlines()
    assert lines[1] == "AM,,07:00 to 12:00,,to-fhir," and len(lines) == 16
    assert desk.texts()[f"sites/north/{QUERY}-2.yaml"].endswith(
        "  - row: the earliest first\n    note: ours\n"
    )


def test_a_folder_that_is_not_there_yet_is_made(desk: Desk) -> None:
    import shutil

    shutil.rmtree(desk.clinic / "tables")
    desk.export()
    desk.edit(_set(QUERY, "EndDateTime", "note", "new"))
    code, _, error = desk.take()
    assert code == 0, error
    assert list(desk.texts()) == [f"sites/north/{QUERY}.yaml"]


def test_line_breaks_and_marks_of_windows_stay(desk: Desk) -> None:
    place = desk.north / "answer.yaml"
    text = "\ufeff" + LAYER.replace("\n", "\r\n")
    place.write_bytes(text.encode())
    codes = desk.north / "codes" / "visit-types.csv"
    codes.write_bytes(
        ("\ufeff" + CODES.replace(",", ";").replace("a; b", "a, b").replace("\n", "\r\n")).encode()
    )
    desk.export()
    desk.edit(_set(ANSWER, "Reason", "note", "new"))
    desk.edit(_line("visit-types", 2, 6, "x;y"))
    code, _, error = desk.take()
    assert code == 0, error
    assert place.read_bytes().decode() == text.replace('"=first line\\nsecond"', "new")
    assert '\r\n007;Own;308335008;http://snomed.info/sct;;"x;y"\r\n' in codes.read_bytes().decode()


def test_cases_and_hidden_files_are_none_of_the_tables(desk: Desk) -> None:
    for name in ("cases/one/request.json", ".git/config"):
        (desk.clinic / "tables" / name).parent.mkdir(parents=True)
        (desk.clinic / "tables" / name).write_text("x")
    before = desk.texts()
    desk.edit(_set(ANSWER, "Reason", "note", "new"))
    assert desk.take()[0] == 0
    after = desk.texts()
    assert {name for name in after if after[name] != before.get(name)} == {"sites/north/answer.yaml"}


def test_a_comment_keeps_its_file(desk: Desk) -> None:
    (desk.north / "q.yaml").write_text(f"over: {QUERY}\n# Mine.\nrows:\n  - row: EndDateTime\n    note: x\n")
    desk.export()
    desk.edit(_set(QUERY, "EndDateTime", "note", None))
    code, _, error = desk.take()
    assert code == 3 and "this does not come out" in error  # the layer below has a note, too
    desk.export()
    desk.edit(
        _set(
            QUERY,
            "EndDateTime",
            "note",
            "Base FHIR has no search by end; both bounds are comparisons on start.",
        )
    )
    assert desk.take()[0] == 0
    assert desk.texts()["sites/north/q.yaml"] == f"over: {QUERY}\n# Mine.\nrows: []\n"


def test_what_a_spreadsheet_would_cut_is_not_exported(desk: Desk) -> None:
    (desk.north / "q.yaml").write_text(
        f"over: {QUERY}\nrows:\n  - row: EndDateTime\n    note: {'x' * 33_000}\n"
    )
    code, _, error = desk.run("export", "--site", "north", "-f", "xlsx", "-o", "n.xlsx")
    assert code == 2 and "EndDateTime is longer than a spreadsheet keeps" in error
    assert not (desk.clinic / "n.xlsx").exists()


def test_a_file_that_cannot_be_written_leaves_all_as_they_were(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.sheets import taking

    def refuse(path: Path, content: bytes) -> None:
        if path.name == "visit-types.csv":
            raise OSError(28, "No space left on device", str(path))
        path.write_bytes(content)

    before = desk.texts()
    desk.edit(_set(ANSWER, "Reason", "note", "new"))
    desk.edit(_line("visit-types", 2, 3, "0042"))
    monkeypatch.setattr(taking, "write_whole", refuse)
    code, _, error = desk.take()
    assert code == 1 and "No space left on device; nothing was changed" in error
    assert desk.texts() == before


def test_a_file_that_unpacks_to_more_than_tables_is_not_unpacked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.sheets import reading

    monkeypatch.setattr(reading, "_UNPACKED_LIMIT", 1000)
    assert "holds far more than any tables do" in desk.take()[2]


def test_of_many_edits_the_first_are_told(desk: Desk) -> None:
    def edit(book: Any) -> None:
        for number in range(210):
            book["visit-types"].append([f"c{number}", "Own", f"f{number}", "x:y"])

    desk.edit(edit)
    code, told, _ = desk.take("--dry-run")
    assert code == 0 and "and 10 more edits, which --json tells all" in told
    assert len(json.loads(desk.take("--dry-run", "--json")[1])["edits"]) == 210


def test_a_code_of_a_layer_below_cannot_be_renamed_as_it_stays(desk: Desk) -> None:
    before = desk.texts()
    desk.edit(_line("preferred-times", 2, 1, "Forenoon"))
    code, _, error = desk.take()
    assert (
        code == 3
        and "north.xlsx:preferred-times:2:1: A2: the line that this was stands in another layer" in error
    )
    assert "shipped:codes/preferred-times.csv:2" in error and desk.texts() == before
    desk.edit(_line("preferred-times", 2, 1, "AM"))
    desk.edit(lambda book: book["preferred-times"].append(["Forenoon", "", "00:00 to 12:00", "", "to-fhir"]))
    code, _, error = desk.take()
    assert code == 0, error
    assert desk.texts()["sites/north/codes/preferred-times.csv"].endswith(
        "\nForenoon,,00:00 to 12:00,,to-fhir,\n"
    )


def test_the_way_of_a_line_comes_out_or_is_told(desk: Desk) -> None:
    desk.edit(_line("visit-types", 2, 5, "to-redox"))
    assert desk.take()[0] == 0
    assert "007,Own,308335008,http://snomed.info/sct,to-redox,Check\n" in desk.texts()[PLACE]
    base = desk.clinic / "tables" / "base" / "codes"
    base.mkdir(parents=True)
    (base / "visit-types.csv").write_text(
        "redox_code,redox_system,fhir_code,fhir_system\n9,Own,308335008,http://snomed.info/sct\n"
    )
    desk.export()
    book = openpyxl.load_workbook(desk.clinic / "north.xlsx")
    sheet = book["visit-types"]
    row = _row(sheet, "9")
    assert sheet.cell(row, 5).value == "to-fhir"  # the way back is north's
    desk.edit(_line("visit-types", row, 5, "both"))
    code, _, error = desk.take("--layer", "base")
    assert code == 3 and f"visit-types:{row}:1: A{row}: this does not come out" in error
