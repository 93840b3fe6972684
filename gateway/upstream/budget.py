"""What all calls of one query may bring together."""

from __future__ import annotations

from gateway.upstream.trouble import Trouble


class Budget:
    """How many bytes (after decompression) and pages the answers to one query may still be.

    Each page is bounded by itself, and so are the pages of a search; but a query makes hundreds of searches,
    and what comes of them all is held until it is answered. Beyond the budget nothing more is read. That is a
    limit of ours, so it counts as nobody's failure.
    """

    __slots__ = ("_bytes", "_pages", "rebased")

    def __init__(self, bytes_: int, pages: int) -> None:
        self._bytes = bytes_
        self._pages = pages
        self.rebased = False  # whether the query has told of a link that names the server otherwise

    def open_page(self) -> None:
        """Count one page, before it is asked for. Raises Trouble ``protocol`` (``query-limit``)."""
        if self._pages <= 0 or self._bytes <= 0:
            raise _spent()
        self._pages -= 1

    def take(self, size: int) -> None:
        """Count what was read of a page. Raises Trouble ``protocol`` (``query-limit``)."""
        self._bytes -= size
        if self._bytes < 0:
            raise _spent()


def _spent() -> Trouble:
    return Trouble("protocol", reason="query-limit")
