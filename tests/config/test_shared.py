# ruff: noqa: E501 (tests as data: what is said stands unbroken beside what is wrong)
"""What sites share: defaults of all, and what those have in common that are like one another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.config import Settings, load
from gateway.files.marked import Faults

SITES = """\
mappings: own
defaults:
  timezone: America/Chicago
  max_slots: 500
  upstream: {dialect: canvas, base_url: "https://ehr.example", max_pages: 40, client_id: all, client_secret: of-all}
like:
  coast:
    timezone: America/New_York
    upstream: {dialect: fhir-r4, max_pages: 50}
sites:
  - id: north
    redox: {destination_ids: [d1], verification_token: 2f6d0f1e8c9b4a57}
  - id: east
    like: coast
    max_slots: 700
    redox: {destination_ids: [d2], verification_token: 8d03b6f1e75a40b7}
    upstream: {base_url: "https://east.example", client_secret_file: secret}
"""


def loaded(folder: Path, text: str, **environ: str) -> Settings:
    path = folder / "gateway.yaml"
    path.write_text(text)
    (folder / "secret").write_text("of-the-east")
    return load(path, environ)


def faults(folder: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(Faults) as caught:
        loaded(folder, text, **environ)
    return [str(fault).replace(f"{folder}/", "") for fault in caught.value.faults]


def test_the_sites_own_stands_over_what_it_is_like_and_that_over_the_defaults(tmp_path: Path) -> None:
    north, east = loaded(tmp_path, SITES).sites

    def told(site: Any) -> tuple[Any, ...]:
        upstream = site.upstream
        secret = upstream.client_secret.get_secret_value()
        return site.timezone, site.max_slots, upstream.dialect, upstream.base_url, upstream.max_pages, secret

    assert told(north) == ("America/Chicago", 500, "canvas", "https://ehr.example", 40, "of-all")
    assert told(east) == ("America/New_York", 700, "fhir-r4", "https://east.example", 50, "of-the-east")
    assert (north.like, east.like) == (None, "coast")


def test_a_list_is_replaced_as_a_whole(tmp_path: Path) -> None:
    text = SITES.replace("max_pages: 40", "max_pages: 40, resource: [a, b]")
    text = text.replace('base_url: "https://east', 'resource: [c], base_url: "https://east')
    assert [site.upstream.resource for site in loaded(tmp_path, text).sites] == [("a", "b"), ("c",)]


def test_a_fault_is_told_where_it_stands(tmp_path: Path) -> None:
    assert faults(tmp_path, SITES.replace("max_pages: 50", "max_pages: many")) == [
        "gateway.yaml:9:45: sites[1].upstream.max_pages: must be a whole number"
    ]
    found = faults(tmp_path, SITES.replace("max_slots: 500", "max_slot: 500"))
    assert {each.partition(": ")[0] for each in found} == {"gateway.yaml:4:3"}
    assert faults(tmp_path, SITES.replace("client_secret: of-all", 'client_secret: "${NONE}"')) == [
        "gateway.yaml:5:110: sites[0].upstream.client_secret: the environment variable NONE is not set"
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "  max_slots: 500",
            "  id: all",
            "gateway.yaml:4:3: defaults.id: is each site's own; write it there",
        ),
        (
            "    timezone: America/New_York",
            "    like: other",
            "gateway.yaml:8:5: like.like: is said by a site, not by what it shares with others",
        ),
        (
            "like: coast",
            "like: coats",
            'gateway.yaml:14:11: sites[1].like: there are no settings of this name under "like", '
            "and no tables in like/",
        ),
        (
            "like: coast",
            "like: ../coast",
            "gateway.yaml:14:11: sites[1].like: must be up to 63 small letters, digits and hyphens, "
            "a letter or digit first",
        ),
        ("  coast:\n", "  coast: 3\n  x:\n", "gateway.yaml:7:10: like: must be a map (keys and values)"),
    ],
)
def test_each_fault_of_what_is_shared(tmp_path: Path, old: str, new: str, said: str) -> None:
    found = faults(tmp_path, SITES.replace(old, new, 1))
    assert said in found, found


def test_defaults_that_are_no_map_are_a_fault(tmp_path: Path) -> None:
    text = "defaults: 3\n" + SITES[SITES.index("sites:") :].replace("    like: coast\n", "")
    assert "gateway.yaml:1:11: defaults: must be a map (keys and values)" in faults(tmp_path, text)


def test_tables_alone_may_be_shared(tmp_path: Path) -> None:
    text = SITES.replace("like: coast", "like: inland")
    (tmp_path / "own" / "like" / "inland").mkdir(parents=True)
    settings = loaded(tmp_path, text)
    assert settings.sites[1].like == "inland"
    assert [str(each).partition(": ")[2] for each in settings.remarks] == ["like: no site is like this"]


def test_a_name_that_is_no_key_is_not_told(tmp_path: Path) -> None:
    text = SITES.replace("  coast:", "  canary-1:").replace("  max_slots: 500", "  canary-2: 1")
    assert "canary" not in " ".join(faults(tmp_path, text))
