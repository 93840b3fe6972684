from __future__ import annotations

import random

from gateway.upstream.pace import Pace


def test_nothing_is_known_at_first_and_after_a_while() -> None:
    pace = Pace()
    assert (pace.least(0.0), pace.most(0.0)) == (0.0, 0.0)
    pace.saw(2.0, 100.0)
    assert 0 < pace.least(105.0) < 2.0 < pace.most(105.0)
    assert (pace.least(111.0), pace.most(111.0)) == (0.0, 0.0)


def test_it_comes_to_hold_what_calls_take() -> None:
    pace, chance = Pace(), random.Random(1)
    for number in range(200):
        pace.saw(0.5, number / 10)
    assert 0.49 < pace.least(20.0) <= 0.5 <= pace.most(20.0) < 0.51
    for number in range(200, 400):
        pace.saw(0.2 + 0.6 * chance.random(), number / 10)
    assert 0.2 < pace.least(40.0) < 0.5 < pace.most(40.0) < 1.1
