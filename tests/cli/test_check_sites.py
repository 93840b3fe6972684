"""``gateway check`` of many sites: a line each, and one of them alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

HEAD = """\
mappings: own
defaults:
  timezone: America/Chicago
  upstream: {dialect: fhir-r4, base_url: "https://ehr.example"}
like:
  coast: {timezone: America/New_York}
sites:
"""


def sites(folder: Path, count: int) -> Path:
    text = HEAD
    for number in range(count):
        text += f"  - id: s{number}\n"
        text += "    like: coast\n" if number % 2 else ""
        token = f"{number:04x}2f6d0f1e8c9b4a57"
        text += f"    redox: {{destination_ids: [d{number}], verification_token: {token}}}\n"
    (folder / "own").mkdir(exist_ok=True)
    path = folder / "gateway.yaml"
    path.write_text(text)
    return path


def put(folder: Path, name: str, text: str) -> None:
    path = folder / "own" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_two_hundred_sites_are_a_line_each(inside: Any, tmp_path: Path) -> None:
    sites(tmp_path, 200)
    done = inside("check")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) < 212
    assert [line.split()[0] for line in lines[1:201]] == [f"s{number}" for number in range(200)]
    assert "America/New_York" in lines[2] and "America/Chicago" in lines[1]
    assert "2 sets of tables; --site tells of that of one site" in lines
    told = json.loads(inside("check", "--json").stdout)
    assert (len(told["sites"]), len(told["tables"])) == (200, 2)


def test_a_fault_that_sites_share_is_told_once_with_those_of_single_ones(inside: Any, tmp_path: Path) -> None:
    path = sites(tmp_path, 20)
    put(tmp_path, "like/coast/x.yaml", "over: available-slots.query\nrows:\n  - row: Nothing\n    note: x\n")
    put(tmp_path, "sites/s4/schedules.csv", "schedule,provider_id\na,4356789876.0\n")
    done = inside("check")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (3, "11 sites have faults, of 20")
    assert [line.split(" ")[0] for line in done.stderr.splitlines()] == [
        "own/like/coast/x.yaml:3:10:",
        "own/sites/s4/schedules.csv:2:1:",
        "2",
    ]
    path.write_text(path.read_text().replace("dialect: fhir-r4", "dialect: fhir-r3"))
    told = [line for line in inside("check").stderr.splitlines() if "there is no such dialect" in line]
    assert told == [
        'gateway.yaml:4:23: sites[0].upstream.dialect: there is no such dialect; did you mean "fhir-r4"?'
    ]


def test_unread_files_of_one_site_alone(inside: Any, tmp_path: Path) -> None:
    sites(tmp_path, 3)
    for name in ("sites/s1/x.xlsx", "sites/s2/x.xlsx", "sites/s11/x.xlsx"):
        put(tmp_path, name, "x")
    assert len(inside("check").stderr.splitlines()) == 4
    assert inside("check", "--site", "s1").stderr.splitlines() == [
        "remark: own/sites/s1/x.xlsx:1:1: is not read; save it as CSV UTF-8 (.csv)"
    ]
    put(tmp_path, "sites/s2/x.yaml", "over: nothing\nrows: []\n")
    assert inside("show", "table", "dialect", "--site", "s1").returncode == 0
    assert inside("show", "table", "dialect", "--site", "s2").returncode == 3


@pytest.mark.parametrize("site", ["s3", "s4"])
def test_one_site_alone(inside: Any, tmp_path: Path, site: str) -> None:
    sites(tmp_path, 20)
    put(tmp_path, "sites/s4/schedules.csv", "schedule,provider_id\na,4356789876.0\n")
    done = inside("check", "--site", site)
    if site == "s4":
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.startswith("own/sites/s4/schedules.csv:2:1: ")
        return
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "gateway.yaml: 1 site"
    assert lines[1].startswith("  s3  answers Redox, dialect fhir-r4 (fhir), America/New_York")
    assert any(line.startswith("Tables ") for line in lines)


def test_one_site_alone_of_a_faulty_configuration(inside: Any, tmp_path: Path) -> None:
    path = sites(tmp_path, 6)
    path.write_text(
        path.read_text().replace("[d3]", "[]").replace("timezone: America/C", "timezone: Amerika/C")
    )
    told = inside("check", "--site", "s3").stderr.splitlines()
    assert [line.split(" ")[1] for line in told] == ["there", "sites[3].redox.destination_ids:", "faults;"]
    told = inside("check", "--site", "s2").stderr.splitlines()
    assert [line.split(" ")[1] for line in told] == ["there", "sites[2].timezone:", "faults;"]
    assert "there are faults of other sites, which are told without --site" in told[0]


def test_a_site_that_there_is_not(inside: Any, tmp_path: Path) -> None:
    path = sites(tmp_path, 2)
    for text in (path.read_text(), path.read_text().replace("[d1]", "[]")):
        path.write_text(text)
        done = inside("check", "--site", "s9")
        assert (done.returncode, done.stdout) == (2, "")
        assert 'There is no site "s9" in gateway.yaml; there are: s0, s1' in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    "text", [None, "", "sites: x\n", "sites: [x, [id], {id: [s9]}]\n", "a\n", "sites: [{id: }]"]
)
def test_a_site_of_what_is_no_configuration(inside: Any, tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "g.yaml").write_text(text)
    done = inside("check", "--config", "g.yaml", "--site", "s9")
    assert (done.returncode in (2, 3), done.stdout) == (True, "")
    assert done.stderr.startswith(("g.yaml:1:1: ", "g.yaml:1:8: ", "Usage: "))


def test_what_no_site_is_like_is_remarked(inside: Any, tmp_path: Path) -> None:
    sites(tmp_path, 2)
    put(tmp_path, "like/coats/codes/visit-types.csv", "redox_code,fhir_code\n1,a\n")
    assert inside("check").stderr.splitlines() == [
        'remark: own/like/coats:1:1: no site is like this; did you mean "coast"?'
    ]


def test_with_faults_each_site_is_a_line_that_says_which_are_its(inside: Any, tmp_path: Path) -> None:
    path = sites(tmp_path, 200)
    put(tmp_path, "sites/s4/schedules.csv", "schedule,provider_id\na,4356789876.0\n")
    wrong = "over: available-slots.query\nrows:\n  - row: Nothing\n    note: x\n"
    put(tmp_path, "sites/s7/x.yaml", wrong + "  - row: Other\n    note: x\n" * 4)
    done = inside("check")
    assert done.returncode == 3
    lines = done.stdout.splitlines()
    assert len(lines) == 201
    assert [" ".join(line.split()) for line in lines[3:9]] == [
        "s3 no faults",
        "s4 1 fault own/sites/s4/schedules.csv:2:1",
        "s5 no faults",
        "s6 no faults",
        f"s7 5 faults {', '.join(f'own/sites/s7/x.yaml:{line}:10' for line in (3, 5, 7))} and 2 more places",
        "s8 no faults",
    ]
    assert lines[-1] == "2 sites have faults, of 200"
    assert len(done.stderr.splitlines()) == 7
    told = json.loads(inside("check", "--json").stdout)
    assert [(each["id"], len(each["faults"])) for each in told["sites"] if each["faults"]] == [
        ("s4", 1),
        ("s7", 5),
    ]
    assert (told["ok"], len(told["faults"]), len(told["sites"])) == (False, 6, 200)
    # Of one site alone, and of a configuration that has faults itself.
    assert inside("check", "--site", "s4").stdout == ""
    path.write_text(path.read_text().replace("verification_token: 00052f6d", "verification: 00052f6d"))
    told = json.loads(inside("check", "--json").stdout)
    assert [each["id"] for each in told["sites"] if each["faults"]] == ["s4", "s5", "s7"]


def test_what_sites_share_is_each_ones_fault(inside: Any, tmp_path: Path) -> None:
    path = sites(tmp_path, 4)
    put(tmp_path, "like/coast/x.yaml", "over: available-slots.query\nrows:\n  - row: Nothing\n    note: x\n")
    put(tmp_path, "sites/s1/schedules.csv", "schedule\na\n")
    done = inside("check")
    place = "1 fault own/like/coast/x.yaml:3:10"
    assert [" ".join(line.split()) for line in done.stdout.splitlines()] == [
        "s0 no faults",
        f"s1 {place}",
        "s2 no faults",
        f"s3 {place}",
        "2 sites have faults, of 4",
    ]
    path.write_text(path.read_text().replace("id: s2", "id: S 2").replace("America/New_York", "Mars/Base"))
    told = json.loads(inside("check", "--json").stdout)["sites"]
    assert [(each["id"], bool(each["faults"])) for each in told] == [
        ("s0", False),
        ("s1", True),
        ("sites[2]", True),
        ("s3", True),
    ]


def test_of_many_sites_the_nearest_is_told(inside: Any, tmp_path: Path) -> None:
    sites(tmp_path, 30)
    for command in (("check",), ("show", "table", "directory")):
        for wanted, text in (("s-12", "did you mean s12 or"), ("north", "there are 30 others.")):
            done = inside(*command, "--site", wanted)
            assert (done.returncode, done.stdout) == (2, "")
            assert f'There is no site "{wanted}" in gateway.yaml; {text}' in " ".join(done.stderr.split())


def test_a_fault_is_one_line_whatever_it_quotes(inside: Any, tmp_path: Path) -> None:
    sites(tmp_path, 1)
    put(tmp_path, "sites/s0/schedules.csv", 'schedule\n"a\nb\x1b[2J"\n')
    done = inside("check")
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == done.stderr.count("own/sites/s0/schedules.csv:2:1: ") + 1
    assert "\x1b[2J" not in done.stderr and '"a\\nb\\x1b[2J" is no id' in done.stderr


def test_of_many_files_that_are_no_tables_the_first_are_remarked(inside: Any, tmp_path: Path) -> None:
    sites(tmp_path, 2)
    for number in range(130):
        put(tmp_path, f"x{number:03}.conf", "x")
    done = inside("check")
    lines = done.stderr.splitlines()
    assert (done.returncode, len(lines)) == (0, 101)
    assert lines[0].startswith("remark: own/x000.conf:1:1: is not read")
    assert lines[-1] == ("remark: own/x100.conf:1:1: and 30 more remarks; only the first 100 are told")
