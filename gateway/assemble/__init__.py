"""Where everything is put together: settings -> tables -> clients -> service -> applications.

Only the command line imports this. Nothing in it is global: each :class:`Application` is one gateway.
"""

from __future__ import annotations

from gateway.assemble.application import Application, assemble
from gateway.assemble.check import (
    CheckedConfiguration,
    ReadConfiguration,
    UnknownSite,
    check_configuration,
    read_configuration,
)
from gateway.assemble.redox_side import RedoxGateway, Served
from gateway.assemble.snapshot import Snapshot, built
from gateway.assemble.verdicts import FaultySites, Verdict, verdicts

__all__ = [
    "Application",
    "CheckedConfiguration",
    "FaultySites",
    "ReadConfiguration",
    "RedoxGateway",
    "Served",
    "Snapshot",
    "UnknownSite",
    "Verdict",
    "assemble",
    "built",
    "check_configuration",
    "read_configuration",
    "verdicts",
]
