"""How long something is waited for, told by turns of our own loop and not by the clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Patience:
    """Runs out after ``seconds``, counted in turns that should take ``turn`` seconds each.

    A turn counts for two of its length at most. Where we did not run ourselves (the machine was suspended,
    stopped, or had no time for us) nobody else can be blamed for having been silent.
    """

    seconds: float
    turn: float
    spent: float = 0.0

    def wait(self, seconds: float) -> None:
        """One turn, that really took ``seconds``, has brought nothing."""
        self.spent += min(max(seconds, 0.0), 2 * self.turn)

    def renew(self) -> None:
        """What was waited for has come."""
        self.spent = 0.0

    @property
    def out(self) -> bool:
        return self.spent >= self.seconds

    @property
    def half(self) -> bool:
        """Whether it is half spent: time to say so."""
        return self.spent >= self.seconds / 2
