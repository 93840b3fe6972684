"""Whether traffic should come to this process, and if not, why."""

from __future__ import annotations

from typing import Final

_DRAINING: Final = "the process is shutting down"


class Readiness:
    """Ready when nothing blocks it. ``reasons`` are texts for whoever reads ``/readyz``: no values."""

    def __init__(self, **blocked: str) -> None:
        """``blocked`` names what has to happen first, each with the text that says so."""
        self._blocked = dict(blocked)
        self.draining = False

    def block(self, name: str, text: str) -> None:
        self._blocked[name] = text

    def clear(self, name: str) -> None:
        """What ``name`` stood for has happened. One that does not block is passed over."""
        self._blocked.pop(name, None)

    def drain(self) -> None:
        """Never ready again: a shutdown has begun."""
        self.draining = True

    @property
    def reasons(self) -> tuple[str, ...]:
        return (*((_DRAINING,) if self.draining else ()), *self._blocked.values())
