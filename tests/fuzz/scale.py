"""How many inputs a fuzz test tries: few in the suite, many by ``make fuzz``."""

from __future__ import annotations

import os
import random

TIMES = max(1, int(os.environ.get("FUZZ_TIMES", "1")))
SEED = int(os.environ.get("FUZZ_SEED", "20251021"))


def inputs(few: int) -> int:
    """``few`` in the suite; ``make fuzz`` multiplies it (``FUZZ_TIMES``)."""
    return few * TIMES


def chance(name: str) -> random.Random:
    """The random numbers of one test: the same in every run, others with another ``FUZZ_SEED``."""
    return random.Random(f"{SEED} {name}")
