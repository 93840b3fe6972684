"""The people, places and schedules that the sandbox has from the start. All of them are made up.

The NPIs begin with a 4 (real ones begin with 1 or 2), the telephone numbers are 555-01xx.
"""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from gateway.sandbox.clinic import Clinic, Hours, Person, Place, Schedule

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(7)


def seeded_clinic(seed: int = 1) -> Clinic:
    """Seven schedules of five practitioners at three places, in America/Los_Angeles.

    Pat Granite is always open on Tuesdays and Fridays from 10:00 to 10:45 at RES General Hospital;
    Sam Marble at Juniper Street Clinic never is.
    """
    people = _people()
    places = _places()
    return Clinic(people, places, _schedules(people, places), ZoneInfo("America/Los_Angeles"), seed)


def _people() -> tuple[Person, ...]:
    return (
        _person("3640cd20de8a470aa570a852859ac87e", "Pat Granite", "MD", "5105550136", npi="4356789876"),
        _person("7b1f0c52a9d34e6f8c20d5e4b3a19f01", "Quinn Basalt", "DO", "5105550142", npi="4356780018"),
        replace(
            _person(
                "c90e2d7745b84c1ca6f3810b92d7ee02",
                "Robin Feldspar",
                "DNP FNP-C",
                "5105550157",
                npi="4356780026",
            ),
            suffix_told=False,
        ),
        _person("18d3a6f0be5247d09b41c7a2f05d6c03", "Sam Marble", "MD PhD", "5105550163", npi="4356780034"),
        replace(
            _person("f5420b9ce1764a38b7d95e83c46a1d04", "Jo Slate", "LMFT", "5105550178"),
            other_id=("BH-0007", "EHRID"),
        ),
        replace(
            _person("0a6c98e1d2f74b5596e3b1840c7f2a05", "Lee Pumice", "RN", "5105550189", npi="4356780059"),
            schedulable=False,
        ),
    )


def _person(staff_id: str, name: str, credentials: str, phone: str, npi: str | None = None) -> Person:
    given, family = name.split()
    email = f"{given}.{family}@example.com".lower()
    return Person(staff_id, given, family, tuple(credentials.split()), phone, email, npi)


def _places() -> tuple[Place, ...]:
    return (
        Place(
            number=1,
            id="5c1d8a30-6f0e-4f6b-9a57-2f8f0f1f4a01",
            name="Juniper Street Clinic",
            alias="Juniper Street",
            called="Juniper Street Clinic",
            group_npi="4356790017",
            line="12 Juniper Street",
            city="Oakland",
            state="CA",
            postal_code="94609",
            phone="5105550101",
        ),
        Place(
            number=2,
            id="a04b44ec-c7df-4808-9043-e9c4b1d35202",
            name="RES General Hospital",
            alias="RES General",
            called="RES General Hospital",
            group_npi="4356790025",
            line="400 Quarry Road",
            city="Oakland",
            state="CA",
            postal_code="94610",
            phone="5105550102",
        ),
        Place(
            number=3,
            id="e2f6b7c4-93a1-4d58-8c0e-71b5d09a6303",
            name="Lakeside Virtual Care Center",
            alias="Lakeside Virtual",
            called="Lakeside Virtual",
            group_npi="4356790033",
            line="1 Lakeside Plaza",
            city="Oakland",
            state="CA",
            postal_code="94612",
            phone="5105550103",
        ),
    )


def _schedules(people: tuple[Person, ...], places: tuple[Place, ...]) -> tuple[Schedule, ...]:
    granite, basalt, feldspar, marble, slate, _ = people
    juniper, general, lakeside = places
    return (
        Schedule(granite, juniper, "Family Medicine", "2", (_hours(8, 17, MONDAY, THURSDAY),)),
        Schedule(
            feldspar,
            juniper,
            "Family Medicine",
            "4",
            (_hours(8, 18, MONDAY, TUESDAY, WEDNESDAY, THURSDAY), _hours(9, 13, SATURDAY)),
        ),
        Schedule(marble, juniper, "Sports Medicine", "7", (_hours(9, 17, THURSDAY),), full=True),
        Schedule(
            granite,
            general,
            "3N",
            "136",
            (_hours(8, 17, TUESDAY, WEDNESDAY, FRIDAY),),
            kept_free=(Hours(frozenset({TUESDAY, FRIDAY}), 10 * 60, 10 * 60 + 45),),
        ),
        Schedule(
            basalt, general, "3N", "138", (_hours(7, 16, MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY),)
        ),
        Schedule(marble, general, "Sports Medicine", "301", (_hours(9, 17, MONDAY, WEDNESDAY, FRIDAY),)),
        Schedule(
            slate,
            lakeside,
            "Behavioral Health",
            "",
            # The night hours lie on the nights in which the clocks change.
            (_hours(10, 19, TUESDAY, THURSDAY, FRIDAY), _hours(0, 5, SUNDAY)),
        ),
    )


def _hours(start: int, end: int, *weekdays: int) -> Hours:
    return Hours(frozenset(weekdays), start * 60, end * 60)
