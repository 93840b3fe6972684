"""A search as a person has it at hand: what of it is read, and what is no search."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.offline.pasted import Pasted, pasted

from .conftest import TOP

EVERY = TOP / "tests" / "samples" / "every-dialect" / "gateway.yaml"
QUERY = "start=ge2025-10-21&schedule=Schedule/1"
SEARCH = Pasted("Slot", None, QUERY)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"Slot?{QUERY}", SEARCH),
        (f"/Slot?{QUERY}", SEARCH),
        (f" /Slot?{QUERY}\n", SEARCH),
        (f"Slot/?{QUERY}", SEARCH),
        (f"https://ehr.example/Slot?{QUERY}", SEARCH),
        (f"http://ehr.example:8080/baseR4/Slot?{QUERY}#top", SEARCH),
        (f"{{{{baseUrl}}}}/Slot?{QUERY}", SEARCH),
        (f"[base]/Slot/_search?{QUERY}", SEARCH),
        (f'"https://ehr.example/Slot?{QUERY}"', SEARCH),
        (f"<https://ehr.example/Slot?{QUERY}>", SEARCH),
        (f"GET https://ehr.example/Slot?{QUERY}", SEARCH),
        (f'"GET /r4/Slot?{QUERY} HTTP/1.1"', SEARCH),
        (f"curl 'https://ehr.example/Slot?{QUERY}'", SEARCH),
        (f"curl -sS -H 'Authorization: Bearer x' \\\n  'https://ehr.example/Slot?{QUERY}'", SEARCH),
        ("curl -G https://ehr.example/Slot -d start=ge2025-10-21 --data=schedule=Schedule/1", SEARCH),
        (
            "curl -G https://ehr.example/Slot?_count=5 --data-urlencode 'start=ge2025-10-21T10:00:00+02:00'",
            Pasted("Slot", None, "_count=5&start=ge2025-10-21T10%3A00%3A00%2B02%3A00"),
        ),
        (f"https://gateway.example/fhir/north/Slot?{QUERY}", Pasted("Slot", None, QUERY, "north")),
        ("/fhir/north/Location/l-1", Pasted("Location", "l-1", "", "north")),
        ("Schedule/Slot", Pasted("Schedule", "Slot", "")),
        ("https://ehr.example/Practitioner/7?_format=json", Pasted("Practitioner", "7", "_format=json")),
        ("Slot?a=1#2&b= 3", Pasted("Slot", None, "a=1#2&b= 3")),
        ("Slot", Pasted("Slot", None, "")),
        ("Slot/a/b", None),
        ("Slot/a b", None),
        ("slot?start=2025", None),
        ("https://Slot.example/Appointment?x=Slot", None),
        ("https://ehr.example/Slot/1/_history/2", None),
        ("curl 'https://ehr.example/Slot", None),
        ("curl https://ehr.example/metadata", None),
        ("request.json", None),
        ('{"Meta": {"DataModel": "Scheduling"}}', None),
        ("", None),
        ('"', None),
        ("curl ", None),
        ("GET", None),
        ("https://", None),
    ],
)
def test_what_is_meant(text: str, found: Pasted | None) -> None:
    assert pasted(text) == found


def test_a_link_is_read_as_the_search_that_it_holds_and_its_host_is_not_asked(inside: Any) -> None:
    bare = inside("translate", f"Slot?{QUERY}", "-c", EVERY, "-s", "partner")
    assert bare.returncode == 0
    for text in (f"https://no-such-host.invalid/baseR4/Slot?{QUERY}", f"/Slot?{QUERY}"):
        done = inside("translate", text, "-c", EVERY, "-s", "partner")
        assert (done.returncode, json.loads(done.stdout)) == (0, json.loads(bare.stdout))


def test_a_link_of_the_gateway_says_which_site(inside: Any) -> None:
    link = "https://gateway.example/fhir/partner/Slot?start=ge2025-10-21"
    done = inside("translate", link, "-c", EVERY)
    assert (done.returncode, json.loads(done.stdout)["site"]) == (0, "partner")
    assert json.loads(inside("translate", link, "-c", EVERY, "-s", "canvas").stdout)["site"] == "canvas"
    unknown = inside("translate", link.replace("partner", "nowhere"), "-c", EVERY)
    assert (unknown.returncode, "Say which --site" in unknown.stderr) == (2, True)
