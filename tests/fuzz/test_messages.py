"""Whatever stands where a Redox message should: it is read, or refused with what is wrong."""

from __future__ import annotations

import json
from random import Random

from gateway.core.errors import GatewayError
from tests import clinic
from tests.fuzz.scale import chance, inputs


def _mangled(text: bytes, random: Random) -> bytes:
    """The message with a few of its bytes lost, doubled, exchanged or made up."""
    mangled = bytearray(text)
    for _ in range(random.randint(1, 6)):
        at = random.randrange(len(mangled))
        match random.randrange(4):
            case 0:
                del mangled[at : at + random.randint(1, 40)]
            case 1:
                mangled[at:at] = mangled[at : at + random.randint(1, 40)]
            case 2:
                mangled[at] = random.randrange(256)
            case _:
                mangled[at:at] = random.choice((b"null", b"{}", b"[]", b"1e999", b'"\\ud800"', b",", b"}"))
    return bytes(mangled) or b" "


def test_a_mangled_message_is_read_or_refused() -> None:
    random = chance("mangled messages")
    text = json.dumps(clinic.sample()).encode()
    read = refused = 0
    for _ in range(inputs(300)):
        try:
            clinic.reader().read(_mangled(text, random))
            read += 1
        except GatewayError as error:
            assert error.issues
            refused += 1
    assert read and refused
