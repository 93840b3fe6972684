"""What a client takes from outside, so that a test can put something else in its place."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from gateway.upstream.common import Common
from gateway.upstream.interface import Observe, Rebased, observe_nothing, rebased_nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The shared session, the bound on all upstreams together, the clocks and the chance that the clients
    of this room work with.

    ``session`` gives the open session of the process; it is not ours to close. ``common``
    of None: the client has all places that its settings give it. ``clock`` gives
    seconds that never go back, ``wall_clock`` seconds since the epoch, ``chance`` numbers in [0, 1).
    """

    session: Callable[[], aiohttp.ClientSession]
    common: Common | None = None
    observe: Observe = observe_nothing
    rebased: Callable[[Rebased], None] = rebased_nothing
    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random
