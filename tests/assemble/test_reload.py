"""Tables read anew in one process: what is built again, what is kept, and what refuses a swap."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.assemble import assemble, read_configuration
from gateway.assemble.reload import Candidate, Reloading
from gateway.tables.build import Tables
from gateway.web.logging import configure
from gateway.web.tables_told import TablesTold
from tests.cli.edited import EDITION, FAULTY, Folder
from tests.clock import clock

ENVIRON = {"TOKEN": "canary-8d03b6f1e75a"}


class Gateway:
    """An application and what reads its tables anew; ``refusal`` is what keeps it from changing."""

    def __init__(self, folder: Folder) -> None:
        found = read_configuration(folder.config, ENVIRON)
        self.application = assemble(found, clock=clock)
        self.told = TablesTold({}, 0.0)
        self.refusal: str | None = None
        self.candidates: list[Candidate] = []
        self._log = io.BytesIO()
        self.reloading = Reloading(
            found,
            self.application,
            self.told,
            switch=self.switch,
            log=configure(self._log),
            clock=clock,
        )

    async def switch(self, candidate: Candidate) -> str | None:
        self.candidates.append(candidate)
        if self.refusal is None:
            self.application.swap(candidate.ready)
        return self.refusal

    @property
    def hashes(self) -> dict[str, str]:
        return {name: site.tables.hash for name, site in self.application.gateway.sites.items()}

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.getvalue().splitlines()]


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., tuple[Folder, Gateway]]:
    def make(more: str = "") -> tuple[Folder, Gateway]:
        folder = Folder(tmp_path, more)
        return folder, Gateway(folder)

    return make


async def test_only_what_changed_is_built_again(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, gateway = made()
    compiled: list[Any] = []
    compile_ = Tables._compile
    monkeypatch.setattr(Tables, "_compile", lambda *given: compiled.append(given) or compile_(*given))
    assert (await gateway.reloading.reload("test")).changed == {}
    assert (compiled, gateway.candidates) == ([], [])
    former = gateway.hashes
    folder.edit("north", 1)
    done = await gateway.reloading.reload("test")
    assert (list(done.changed), done.unchanged, done.status, len(compiled)) == (["north"], 1, 200, 1)
    assert gateway.hashes == {**former, **done.changed}
    folder.edit("north", 0)
    assert (await gateway.reloading.reload("test")).changed == {"north": former["north"]}
    await gateway.application.close()


async def test_the_files_of_a_site_that_keeps_its_tables_are_kept(made: Any) -> None:
    folder, gateway = made()
    folder.spoil("south")
    folder.edit("north", 7)
    await gateway.reloading.reload("test")
    files = gateway.candidates[-1].files
    texts = {
        site: [each.content.decode() for each in of.yaml if "Edition" in each.content.decode()]
        for (_, site), of in files.sites.items()
    }
    assert texts == {"north": [EDITION % {"number": 7}], "south": [EDITION % {"number": 0}]}
    assert {site for _, site in files.layers} == {"north", "south"}
    assert gateway.told.faulty["south"].serves == gateway.hashes["south"]
    await gateway.application.close()


async def test_what_fhir_clients_search_by_is_part_of_the_hash(made: Any) -> None:
    folder, gateway = made()
    former = gateway.hashes
    searched = gateway.application.fhir.fhir_site("north")
    layer = folder.own / "redox"
    layer.mkdir()
    rows = "over: available-slots.query\nrows:\n  - {row: StartDateTime, note: Another note.}\n"
    (layer / "changes.yaml").write_text(rows)
    done = await gateway.reloading.reload("test")
    assert (done.status, set(done.changed)) == (200, {"north", "south"})
    assert all(gateway.hashes[name] != former[name] for name in former)
    now = gateway.application.fhir.fhir_site("north")
    assert searched is not None and now is not None and now.since != searched.since
    await gateway.application.close()


async def test_another_kind_of_upstream_does_not_fit_the_settings(made: Any) -> None:
    folder, gateway = made()
    former = gateway.hashes
    own = folder.own / "canvas"
    own.mkdir()
    (own / "dialect.yaml").write_text("dialect: {upstream: redox}\n")
    done = await gateway.reloading.reload("test")
    assert (done.status, done.changed, set(done.faulty)) == (422, {}, {"north", "south"})
    assert any("sites[0].upstream." in each for each in done.faulty["north"].faults)
    assert gateway.hashes == former
    await gateway.application.close()


async def test_a_refusal_and_a_fault_of_ours_change_nothing(
    made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, gateway = made()
    former = gateway.hashes
    folder.edit("north", 1)
    gateway.refusal = "somebody cannot"
    done = await gateway.reloading.reload("test")
    assert (done.status, done.changed, done.said, done.unchanged) == (503, {}, "somebody cannot", 2)
    gateway.refusal = None

    def broken(*_given: Any) -> None:
        raise RuntimeError("canary-8d03b6f1e75a")

    with monkeypatch.context() as patched:
        patched.setattr("gateway.assemble.reload.read_tables", broken)
        done = await gateway.reloading.reload("test")
    assert (done.status, done.changed, gateway.hashes) == (503, {}, former)
    assert "canary" not in json.dumps(gateway.lines())
    assert list((await gateway.reloading.reload("test")).changed) == ["north"]
    await gateway.application.close()


async def test_a_folder_that_is_gone_changes_nothing(made: Any) -> None:
    folder, gateway = made()
    former = gateway.hashes
    away = folder.own.rename(folder.own.with_name("away"))
    done = await gateway.reloading.reload("test")
    assert (done.status, done.changed, gateway.hashes) == (503, {}, former)
    assert done.said is not None and "not there any more" in done.said
    away.rename(folder.own)
    assert (await gateway.reloading.reload("test")).status == 200
    await gateway.application.close()


@pytest.mark.parametrize("text", ["over: [", "rows: 1\n", "over: available-slots.query\n", "x", "", "\0"])
async def test_a_mangled_file_of_what_all_share(made: Any, text: str) -> None:
    folder, gateway = made()
    former = gateway.hashes
    for layer in ("base", "canvas", "redox"):
        (folder.own / layer).mkdir()
        (folder.own / layer / "available-slots.query.yaml").write_text(text)
        done = await gateway.reloading.reload("test")
        assert (done.status, done.changed, len(done.faulty)) == (422, {}, 2)
        (folder.own / layer / "available-slots.query.yaml").unlink()
    assert gateway.hashes == former
    assert all(line["said"] is None for line in gateway.lines() if line["event"] == "reload")
    await gateway.application.close()


async def test_who_asks_meanwhile_has_the_next_one(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, gateway = made()
    folder.write("north", FAULTY)
    first = asyncio.create_task(gateway.reloading.reload("first"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    folder.edit("north", 1)
    others = [asyncio.create_task(gateway.reloading.reload(f"{n}")) for n in range(5)]
    done = await asyncio.gather(*others)
    assert len({id(each) for each in done}) == 1
    assert done[0].status == 200
    await first
    assert len([line for line in gateway.lines() if line["event"] == "reload"]) == 2
    others = [asyncio.create_task(gateway.reloading.reload("last"))]
    await gateway.reloading.close()
    await gateway.application.close()
