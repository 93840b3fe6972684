"""Peers that take a moment to start: search engines, loaded, and validators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack

import pytest

from tests.interop import practice, valid
from tests.interop.peers import java, node
from tests.interop.practice import Practice
from tests.interop.valid import Json, Valid


@pytest.fixture(scope="module", params=["Medplum", "Medplum, relative links", "HAPI"])
def engine(request: pytest.FixtureRequest) -> Iterator[Practice]:
    """A search engine, loaded. In pages of 6: its directory has two, its slots many."""
    if request.param == "HAPI":
        java.require()
        serving = java.serving("hapi/Server.java", {"PAGE": "6"})
    else:
        node.require()
        links = "relative" if "relative" in request.param else "absolute"
        serving = node.serving("medplum/server.mjs", {"PAGE": "6", "LINKS": links})
    with serving as url:
        yield practice.load(url)


@pytest.fixture(scope="session")
def validate() -> Iterator[Valid]:
    """Fails for what fhir.resources (R4B) does not take, or, where they are installed, Medplum's or HAPI's
    validator."""
    with ExitStack() as stack:
        validators = [
            stack.enter_context(peers.conversing(script))
            for peers, script in ((node, "medplum/validate.mjs"), (java, "hapi/Validate.java"))
            if not peers.missing()
        ]

        def by_all(resources: Iterable[Json]) -> None:
            found = list(resources)
            valid.by_models(found)
            for faults_of in validators:
                assert faults_of(found) == [[] for _ in found]

        yield by_all
