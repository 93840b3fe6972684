"""Searches of the directory by names and identifiers, as R4 compares strings and tokens."""

from __future__ import annotations

import pytest

from gateway.core.fhir_flows import FhirSite
from tests import partner
from tests.partner import Search

NPI, OID = "http://hl7.org/fhir/sid/us-npi", "urn:oid:2.16.840.1.113883.4.6"
CSV = """\
schedule,practitioner,provider_id,provider_id_type,first_name,last_name,facility,alias
a,jurgen,4356789876,NPI,J\u00fcrgen,van der Berg,Juniper Street Clinic,JSC|Old Mill
c,bar,7|8,Cerner ID,Kim,Bar,,
b,jose,BH 7,Cerner ID,Jos\u00e9,N\u00fa\u00f1ez,Hospital,
"""


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> FhirSite:
    return partner.site(partner.tables(tmp_path_factory.mktemp("names"), csv=CSV))


def found(where: FhirSite, url: str) -> list[str]:
    return [each["id"] for each in Search(where, url, strict=True).resources()]


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ("name=jurgen", ["jurgen"]),
        ("name=J%C3%9CRG", ["jurgen"]),
        ("family=nunez", ["jose"]),
        ("family=Nu%CC%81n%CC%83ez", ["jose"]),  # decomposed
        ("given=Jose", ["jose"]),
        ("family=van+der", ["jurgen"]),
        ("name=Jurgen+van+der+Berg", ["jurgen"]),
        ("name=van+der+Berg%5C,+J%C3%BCrgen", ["jurgen"]),
        ("name=Jose+Berg", []),
        ("name=jo,ju", ["jose", "jurgen"]),
        ("given=Jose+Nunez", []),
        ("family=ber", []),  # the beginning of a name, not of a part of it
        ("name=%CC%81", []),  # an accent alone
    ],
)
def test_names(where: FhirSite, asked: str, ids: list[str]) -> None:
    assert sorted(found(where, f"Practitioner?{asked}")) == ids


@pytest.mark.parametrize("name", ["juniper", "JSC", "old+mill", "%C3%93ld"])
def test_a_place_by_its_name_and_its_other_names(where: FhirSite, name: str) -> None:
    (place,) = Search(where, f"Location?name={name}").resources()
    assert place["name"] == "Juniper Street Clinic"


@pytest.mark.parametrize(
    ("token", "ids"),
    [
        (f"{NPI}|4356789876", ["jurgen"]),
        (f"{OID}|4356789876", ["jurgen"]),
        (f"{OID}|", ["jurgen"]),
        ("HTTP://hl7.org/fhir/sid/us-npi|4356789876", []),
        ("|4356789876", []),
        ("http://other.example|4356789876", []),
        ("urn:redox:id-type:Cerner%2520ID|BH+7", ["jose"]),
        ("urn:redox:id-type:Cerner%20ID|BH+7", ["jose"]),
        ("urn:redox:id-type:Cerner%2520ID|7%5C|8", ["bar"]),
        ("urn:redox:id-type:Cerner%2520ID|8", []),
    ],
)
def test_a_type_of_ids_may_have_several_systems(where: FhirSite, token: str, ids: list[str]) -> None:
    assert found(where, f"Practitioner?identifier={token}") == ids
    schedules = [{"jurgen": "a", "jose": "b", "bar": "c"}[each] for each in ids]
    assert found(where, f"Schedule?actor:Practitioner.identifier={token}") == schedules


def test_a_link_is_a_url_to_strict_readers_too(where: FhirSite) -> None:
    search = Search(where, f"Practitioner?identifier={NPI}|4356789876&name=jurgen")
    link = search.link("self") or ""
    assert "|" not in link and "%7C4356789876" in link
    assert Search(where, link).body == search.body
