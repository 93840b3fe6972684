"""The path language: what it reads, what it writes, where it stops, and that FHIRPath reads the same."""

from __future__ import annotations

import json
from typing import Any

import fhirpathpy
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tables.build import schemas
from gateway.tables.compile.source import Source, getter, reader
from gateway.tables.compile.structs import struct
from gateway.tables.rows import paths
from gateway.tables.rows.paths import PathError, Step, Where, parse, render
from gateway.tables.rows.schema import Found
from tests.generated import TEXTS, fitting

NAMES = ("name", "given", "use", "period", "value")
READ = [
    "Practitioner.identifier.where(system='http://hl7.org/fhir/sid/us-npi').value",
    "Practitioner.identifier.where(system='a').where(use='usual').value",
    "Practitioner.identifier[1].value",
    "Practitioner.identifier.type.coding.code",
    "Practitioner.identifier.type.coding.where(system='a')[0].code",
    "Practitioner.name.given",
    "Practitioner.name.first().given.first()",
    "Practitioner.name.given[1]",
    "Practitioner.name.where(given='a').family",
    "Practitioner.name.where(use='official').suffix",
    "Practitioner.telecom.where(system='phone').value",
    "Practitioner.address.first().line[1]",
    "Practitioner.active",
    "Practitioner.id",
    "Slot.start",
    "Slot.schedule.reference",
    "Slot.schedule.identifier.value",
    "Slot.identifier.where(system='urn:redox:slot').value",
    "Slot.serviceType.coding.display",
    "Slot.meta.tag.where(code='a').display",
]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("a", (Step("a"),)),
        ("a.b_c.d-e", (Step("a"), Step("b_c"), Step("d-e"))),
        ("a[0].b[12]", (Step("a", (0,)), Step("b", (12,)))),
        ("a.first().b", (Step("a", (0,)), Step("b"))),
        ("a.where(x='y').b", (Step("a", (Where("x", "y"),)), Step("b"))),
        ("a.where( x = 'it\\'s \\\\ x' )[1]", (Step("a", (Where("x", "it's \\ x"), 1)),)),
        ("a.where(x='http://a.b/c(d)').b", (Step("a", (Where("x", "http://a.b/c(d)"),)), Step("b"))),
        ("first.where", (Step("first"), Step("where"))),
    ],
)
def test_what_is_a_path(text: str, steps: tuple[Step, ...]) -> None:
    assert parse(text).steps == steps
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("", 0, "a field name is expected here, not ''"),
        ("a.", 2, "a field name is expected here, not ''"),
        (".a", 0, "a field name is expected here, not '.a'"),
        ("a..b", 2, "a field name is expected here, not '.b'"),
        ("1a", 0, "a field name is expected here, not '1a'"),
        ("a b", 1, "' b' is not part of a path"),
        ("a[x]", 1, "'[x]' is not part of a path"),
        ("a[-1]", 1, "'[-1]' is not part of a path"),
        ("a[12345]", 1, "'[12345]' is not part of a path"),
        ("a.last()", 6, "'()' is not part of a path"),
        ("a.where(x=y).b", 7, "'(x=y).b' is not part of a path"),
        ("a.where(x='y'", 7, "\"(x='y'\" is not part of a path"),
        ("a.where(x='y' and z='w')", 7, "\"(x='y' and z\" is not part of a path"),
        ("a | b", 1, "' | b' is not part of a path"),
        ("a.where(x='\\n').b", 7, "\"(x='\\\\n').b\" is not part of a path"),
    ],
)
def test_what_is_no_path_says_where_it_stops(text: str, column: int, said: str) -> None:
    with pytest.raises(PathError) as caught:
        parse(text)
    assert caught.value.column == column
    assert str(caught.value).startswith(said)


@given(st.text(max_size=20))
def test_any_text_is_a_path_or_a_path_error(text: str) -> None:
    try:
        path = parse(text)
    except PathError as error:
        assert 0 <= error.column <= len(text)
    else:
        assert parse(render(path.steps)).steps == path.steps


narrowings = st.lists(
    st.integers(0, 2) | st.builds(Where, st.sampled_from(NAMES), st.sampled_from(["a", "it's", "\\", ""])),
    max_size=2,
)
steps = st.lists(st.builds(Step, st.sampled_from(NAMES), narrowings.map(tuple)), min_size=1, max_size=4).map(
    tuple
)
values = st.recursive(
    st.sampled_from(["a", "it's", "\\", ""]) | st.integers(0, 3) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=25,
)
trees = st.dictionaries(st.sampled_from(NAMES), values, max_size=5)


@given(steps)
def test_rendered_paths_are_read_back(made: tuple[Step, ...]) -> None:
    assert parse(render(made)).steps == made


def _flat(value: Any) -> Any:
    """A list directly in a list is no FHIR (and no JSON of any resource): the inner one is taken out."""
    if isinstance(value, list):
        return [_flat(each) for each in value if not isinstance(each, list)]
    return {name: _flat(each) for name, each in value.items()} if isinstance(value, dict) else value


@given(trees.map(_flat), steps)
def test_reading_agrees_with_fhirpath(tree: dict[str, Any], made: tuple[Step, ...]) -> None:
    path = parse(render(made))
    assert paths.read(path, tree) == fhirpathpy.evaluate(tree, path.text)


@pytest.mark.parametrize("text", READ)
@given(st.data())
def test_compiled_readers_agree_with_plain_reading_and_with_fhirpath(text: str, data: st.DataObject) -> None:
    root, below = parse(text).steps[0].name, parse(text).below(1)
    view = schemas()[root]
    found = view.find(below)
    assert isinstance(found, Found)
    resource = _resource(data, root, below, {"resourceType": root})
    typed = msgspec.json.decode(json.dumps(resource), type=struct(root, [(below, False)], view, tag=root))
    source = Source()
    reader(source, "read", below, found.lists, text)
    plain = paths.read(below, resource)
    assert source.build(f"test of {text}")["read"](typed) == plain
    assert plain == fhirpathpy.evaluate(resource, text)
    simple = getter(below, found.lists, False, "slot")
    if simple is not None:
        assert eval(simple, {"slot": typed}) == (plain[0] if plain else None)


def _resource(data: st.DataObject, root: str, path: paths.Path, made: dict[str, Any]) -> dict[str, Any]:
    """A resource that has something where the path looks, and a where's child of the kind it names."""
    view = schemas()[root]
    here, schema = [made], view.root
    for step in path.steps:
        child = view.children(schema)[step.name]
        item = view.item(child)
        target = view.resolve(item if item is not None else child)
        below: list[dict[str, Any]] = []
        for each in here:
            count = data.draw(st.integers(0, 3 if item is not None else 1))
            parts = [_part(data, view, target, step) for _ in range(count)]
            empty = data.draw(st.booleans())
            if item is not None and (parts or empty):
                each[step.name] = parts
            elif parts:
                each[step.name] = parts[0]
            below += [part for part in parts if isinstance(part, dict)]
        here, schema = below, target
    return made


def _part(data: st.DataObject, view: Any, target: dict[str, Any], step: Step) -> Any:
    if "properties" not in target:
        plain: st.SearchStrategy[Any] = st.booleans() if target.get("type") == "boolean" else TEXTS
        return data.draw(plain)
    part = {}
    for narrow in step.narrow:
        if isinstance(narrow, Where) and data.draw(st.booleans()):
            value = data.draw(st.sampled_from([narrow.value, "other"]))
            is_list = view.item(view.children(target)[narrow.name]) is not None
            part[narrow.name] = [value] * data.draw(st.integers(1, 2)) if is_list else value
    return part


def test_nulls_are_nothing() -> None:
    """A null in a list is a primitive with nothing but an extension: fhirpathpy counts it, we do not."""
    path = parse("name.given[0]")
    resource = {"name": [None, {"given": [None, "A"]}, {"given": None}]}
    assert paths.read(path, resource) == ["A"]
    view = schemas()["Practitioner"]
    found = view.find(path)
    assert isinstance(found, Found)
    source = Source()
    reader(source, "read", path, found.lists, "given")
    typed = msgspec.convert(resource, struct("Practitioner", [(path, False)], view))
    assert source.build("test of nulls")["read"](typed) == ["A"]


def test_generated_code_stands_in_tracebacks() -> None:
    source = Source()
    reader(source, "read", parse("name.family"), (True, False), "for this test")
    read = source.build("test of tracebacks")["read"]
    with pytest.raises(AttributeError) as caught:
        read(object())
    entry = caught.traceback[-1]
    assert str(entry.path).endswith("<gateway test of tracebacks>") or "gateway test" in str(entry)
    assert "for item in found" in "".join(source.lines)


writable = st.sampled_from(
    [
        ("a", (False,)),
        ("a.b", (False, False)),
        ("a[0].b", (True, False)),
        ("a[2].b", (True, False)),
        ("a.where(x='y').b", (True, False)),
        ("a.where(x='y')[1].b", (True, False)),
        ("a.where(x='y').where(z='w').b[0]", (True, True)),
        ("a.b[0]", (False, True)),
    ]
)


@given(writable, st.sampled_from(["v", 3, True]), st.booleans())
def test_what_is_written_is_read_again(target: tuple[str, tuple[bool, ...]], value: Any, twice: bool) -> None:
    path = parse(target[0])
    root: dict[str, Any] = {}
    paths.write(path, root, value, target[1])
    if twice:
        paths.write(path, root, value, target[1])
    assert paths.read(path, root) == [value]


def test_writes_share_what_they_have_in_common() -> None:
    root: dict[str, Any] = {}
    for text, value in (("i.where(s='a').v", 1), ("i.where(s='b').v", 2), ("i.where(s='a').w", 3)):
        paths.write(parse(text), root, value, (True, False))
    assert root == {"i": [{"s": "a", "v": 1, "w": 3}, {"s": "b", "v": 2}]}


def test_the_generator_makes_what_the_schema_accepts() -> None:
    from jsonschema import Draft202012Validator

    view = schemas()["AvailableSlots"]
    validator = Draft202012Validator(view.root)

    @given(fitting(view))
    def check(value: Any) -> None:
        assert validator.is_valid(value)

    check()
