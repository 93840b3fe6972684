"""Where everything is put together: settings -> tables -> clients -> service -> applications.

Only the command line imports this. Nothing in it is global: each :class:`House` is one gateway.
"""

from __future__ import annotations

from gateway.assemble.application import House, assemble
from gateway.assemble.check import Survey, survey
from gateway.assemble.redox_side import RedoxGateway, Served
from gateway.assemble.snapshot import Snapshot, built

__all__ = [
    "House",
    "RedoxGateway",
    "Served",
    "Snapshot",
    "Survey",
    "assemble",
    "built",
    "survey",
]
