"""The one exception that moves inside this room; it becomes a Failure before it leaves."""

from __future__ import annotations

import re
from typing import Literal

from gateway.core.plan import Call, Failure, FailureKind, FailureReason
from gateway.core.wrote import words_of

Repeat = Literal["always", "idempotent", "never"]

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
_OVERLOADED = frozenset({429, 503})
_TRANSIENT = frozenset({500, 502, 503, 504})


class Trouble(Exception):
    """An exchange that brought no usable answer.

    ``repeat`` says which requests may be made again: ``always`` (nothing was taken by the
    upstream), ``idempotent`` (it may have been) or ``never``. ``down`` is what the breaker should
    think of it: True is a failure of the upstream, False shows it alive, None says nothing. ``whole``: it
    tells of the upstream as a whole, whatever was asked. ``reason`` says more than the kind; ``token``
    what the token endpoint did, where that is the trouble; ``body`` what came with a refusal, and ``secrets``
    what of it is shown to nobody.
    The text never holds a URL, a header or anything that the upstream wrote.
    """

    def __init__(
        self,
        kind: FailureKind,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        repeat: Repeat = "never",
        down: bool | None = None,
        whole: bool = False,
        reason: FailureReason | None = None,
    ) -> None:
        detail = status if status is not None else reason
        super().__init__(kind if detail is None else f"{kind} ({detail})")
        self.kind: FailureKind = kind
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.repeat: Repeat = repeat
        self.down = down
        self.token: str | None = None
        self.body = b""
        self.secrets: tuple[str, ...] = ()
        self.whole = whole
        self.reason = reason

    def again(self) -> Trouble:
        """The same anew: an exception that is raised twice mixes its tracebacks."""
        return Trouble(
            self.kind,
            status=self.status,
            code=self.code,
            retry_after=self.retry_after,
            repeat=self.repeat,
            down=self.down,
            whole=self.whole,
            reason=self.reason,
        )

    def failure(self, call: Call) -> Failure:
        """The same as the value that a flow is sent."""
        return Failure(
            call,
            self.kind,
            status=self.status,
            code=self.code,
            retry_after=self.retry_after,
            token=self.token,
            reason=self.reason,
            words=self.words() if call.words else "",
        )

    def words(self) -> str:
        """What the other side wrote, for a person at a terminal who asked for it."""
        return words_of(self.body, self.secrets) if self.body else ""


def refused(status: int, code: str | None, retry_after: float | None, body: bytes = b"") -> Trouble:
    """What a status outside 2xx means (RFC 9110, section 15; RFC 6585 for 429).

    A redirect is a breach of protocol: it is never followed, as our token would go with it.
    ``code`` is passed on only if it looks like a code and not like a sentence.
    """
    kind: FailureKind = "status"
    if status < 400:
        kind = "protocol"
    elif status in (401, 403):
        kind = "unauthorized"
    elif status in _OVERLOADED:
        kind = "overloaded"
    repeat: Repeat = "never"
    if status == 429:
        repeat = "always"
    elif status in _TRANSIENT:
        repeat = "idempotent"
    trouble = Trouble(
        kind,
        status=status,
        code=plausible_code(code),
        retry_after=retry_after if kind == "overloaded" else None,
        repeat=repeat,
        down=status == 429 or status >= 500,
        whole=status == 429,
    )
    trouble.body = body
    return trouble


def plausible_code(code: object) -> str | None:
    """``code`` if it is a short token of letters, digits and hyphens, else None.

    Free text of an upstream may name a patient; a token of this form does not.
    """
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None
