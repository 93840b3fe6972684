"""Which tokens anybody would guess: too short, repeated, counted up, or made of the words of examples.

This refuses what was never meant to be kept secret; it is no measure of strength.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from itertools import pairwise, product
from typing import Final

SHORTEST: Final = 16
MAKE_ONE: Final = 'make one with "openssl rand -hex 32"'

_FEWEST_SIGNS = 5
_NAMES = (
    *("token", "secret", "password", "passwd", "passphrase", "key", "apikey", "verification", "bearer"),
    *("passw0rd", "pass", "clinic", "site", "hospital", "ehr", "super", "epic", "webhook", "header"),
    *("redox", "gateway", "fhir", "canvas", "client", "api", "auth", "access", "destination"),
)
_FILLING = (
    *(
        "change",
        "changeme",
        "me",
        "my",
        "your",
        "this",
        "the",
        "of",
        "a",
        "an",
        "is",
        "for",
        "here",
        "please",
    ),
    *(
        "example",
        "sample",
        "test",
        "tests",
        "testing",
        "demo",
        "dummy",
        "fake",
        "default",
        "admin",
        "root",
        "user",
    ),
    *(
        "insert",
        "replace",
        "value",
        "todo",
        "placeholder",
        "secure",
        "very",
        "long",
        "some",
        "random",
        "string",
    ),
    *(
        "abc",
        "abcd",
        "abc123",
        "foo",
        "bar",
        "baz",
        "foobar",
        "hello",
        "world",
        "welcome",
        "letmein",
        "qwerty",
    ),
    *("asdf", "qwertyuiop", "asdfghjkl", "zxcvbnm", "iloveyou", "monkey", "dragon", "prod", "dev", "staging"),
)
_WORDS = re.compile("|".join(sorted({*_NAMES, *_FILLING}, key=len, reverse=True)))


def weakness(token: str) -> str | None:
    """Why a token is none, in words that go behind its key; None for one that may do."""
    if len(token) > 1 and (
        (token[0] == token[-1] and token[0] in "\"'`") or (token[0], token[-1]) == ("<", ">")
    ):
        return "begins and ends with a quote that would be part of it; write it without"
    if len(token) < SHORTEST:
        return f"is shorter than {SHORTEST} characters; {MAKE_ONE}"
    if len(set(token)) < _FEWEST_SIGNS or _repeats(token) or _counts(token):
        return f"repeats itself, or counts up; {MAKE_ONE}"
    return None


def _repeats(token: str) -> bool:
    """Whether it is the same short part over and over."""
    longest = min(SHORTEST - 1, len(token) // 2)
    return any(token == (token[:n] * len(token))[: len(token)] for n in range(1, longest + 1))


def _counts(token: str) -> bool:
    """Whether most of its signs are followed by the next one, or the one before."""
    steps = [ord(after) - ord(before) for before, after in pairwise(token.casefold())]
    return max(steps.count(1), steps.count(-1)) * 4 > len(steps) * 3


def is_placeholder(token: str) -> bool:
    """Whether next to nothing is left of it without the words of examples, and digits in a row."""
    letters = re.sub(r"[\W_]+", " ", token.casefold())
    left = re.sub(r"(?:0?123456789|12345678|123456|12345|1234|123)0?", "", _WORDS.sub("", letters))
    return len(left.replace(" ", "")) < 3


@cache
def known_hashes() -> frozenset[str]:
    """The SHA-256, in small hexadecimal digits, of the texts that are tried first, also of those with the
    line break that ``echo`` adds."""
    return frozenset(
        sha256(f"{text}{ending}".encode()).hexdigest() for text in _tried() for ending in ("", "\n", "\r\n")
    )


def _tried() -> Iterator[str]:
    yield from (
        "",
        " ",
        "123456",
        "12345678",
        "123456789",
        "1234567890",
        "null",
        "None",
        "undefined",
        "$TOKEN",
    )
    yield from map(chr, range(33, 127))
    yield from map(str, range(10, 10_000))
    words = sorted({*_NAMES, *_FILLING})
    for word in words:
        for form in (word, word.upper(), word.capitalize()):
            yield from (form, f"{form}1", f"{form}12", f"{form}123", f"{form}1234", f"{form}!")
    for first, between, second in product(words, ("", "-", "_"), _NAMES):
        yield f"{first}{between}{second}"
