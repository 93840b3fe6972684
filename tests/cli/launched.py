"""The command line as a process, by the clock of the suite: ``python -m tests.cli.launched``."""

from __future__ import annotations

from gateway.cli.main import main
from tests.clock import clock

if __name__ == "__main__":
    main(prog_name="gateway", obj=clock)
