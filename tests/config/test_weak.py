"""Which tokens are guessed at once, and that none that was made by chance is taken for one."""

from __future__ import annotations

from uuid import UUID

import pytest

from gateway.config.weak import is_placeholder, weakness
from tests.fuzz.scale import chance


@pytest.mark.parametrize(
    "token",
    [
        *("", "x", "demo", "secret", "hunter2", "a" * 15),
        *("a" * 16, "ab" * 20, "12345678" * 3, "x" * 15 + "y", "00000000-0000-0000-0000-000000000000"),
        *("abcdefghijklmnopqrst", "ABCDEFGHIJKLMNOPQRST", "0123456789abcdef", "fedcba9876543210"),
        *("changemechangeme", "secret-secret-secret", "changeme-changeme-chan"),
        *("'8d03b6f1e75a40b7e91d6c2f'", "`8d03b6f1e75a40b7e91d6c2f`", "<8d03b6f1e75a40b7e91d6c2f>"),
    ],
)
def test_what_keeps_nobody_out(token: str) -> None:
    said = weakness(token)
    assert said is not None and (len(token) < 4 or token not in said)


@pytest.mark.parametrize(
    "token",
    [
        *(
            "the-verification-token",
            "REDOX_VERIFICATION_TOKEN",
            "this-is-my-secret-token",
            "supersecretpassword",
        ),
        *("change_me_please!", "ChangeMe123ChangeMe", "example-token-1234567890", "my.redox.gateway.token"),
        *("Password123456789", "qwertyuiopasdfghjkl", "insert-your-token-here", "test-test-token-test"),
    ],
)
def test_what_stands_in_every_example(token: str) -> None:
    assert is_placeholder(token)


def test_what_was_made_by_chance_may_do() -> None:
    random = chance("tokens")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for _ in range(2000):
        made = (
            random.randbytes(16).hex(),
            "".join(random.choices(letters, k=16)),
            str(UUID(bytes=random.randbytes(16), version=4)),
        )
        assert [weakness(each) for each in made] == [None] * 3, made
        assert not any(map(is_placeholder, made))
