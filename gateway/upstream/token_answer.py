"""What a token endpoint answered: a token, or why there is none (RFC 6749, sections 5.1 and 5.2)."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

from gateway.core.plan import FailureKind, FailureReason
from gateway.upstream.trouble import Trouble

DEFAULT_LIFETIME_SECONDS = 300.0
"""How long a token is used that does not say how long it lives. One that ends sooner is renewed by its
401."""
LONGEST_LIFETIME_SECONDS = 86_400.0

# RFC 6750, section 2.1, is narrower; some issuers are not. No space, no control character.
_HEADER_SAFE = re.compile(r"[!-~]+")
_HEADER_BYTES = 16_384
_NUMBER = re.compile(r"[0-9]{1,30}(\.[0-9]{0,30})?([eE]\+?[0-9]{1,4})?")
# Bearer, bearer, BearerToken (Apigee), "Bearer Token", bearer_token
_BEARER = re.compile(r"bearer[ _-]?(token)?", re.IGNORECASE)
# RFC 6749, section 5.2, and its registry: error codes are words joined by underscores.
_OAUTH_CODE = re.compile(r"[a-z]{2,}(_[a-z]+){0,5}")


class TokenError(Trouble):
    """No token was to be had. It says nothing about the upstream itself, so the breaker ignores it.

    ``why`` is a clause of ours about the token endpoint, with nothing in it that the endpoint wrote but
    the status and an OAuth error code.
    """

    def __init__(
        self,
        kind: FailureKind,
        why: str,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        reason: FailureReason | None = None,
    ) -> None:
        super().__init__(kind, status=status, code=code, retry_after=retry_after, reason=reason)
        self.args = (f"no access token: {why}",)
        self.token = why

    def again(self) -> TokenError:
        """The same anew: an exception that is raised twice mixes its tracebacks."""
        anew = TokenError(
            self.kind,
            self.token or "",
            status=self.status,
            code=self.code,
            retry_after=self.retry_after,
            reason=self.reason,
        )
        return anew.came_of(self.status, self.body, self.secrets)

    def came_of(self, status: int | None, body: bytes, secrets: tuple[str, ...]) -> TokenError:
        """This error, with the answer that it comes of."""
        self.status, self.body, self.secrets = status, body, secrets
        return self


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token endpoint gave: the token, and how long it lives from now, in seconds.

    Raises TokenError ``protocol`` for a token that no header can carry.
    """

    token: str = field(repr=False)
    lifetime: float

    def __post_init__(self) -> None:
        if not _HEADER_SAFE.fullmatch(self.token):
            said = (
                "is empty" if not self.token else "holds a space, a line break or a sign that no header has"
            )
            raise unusable(f"its access token {said}", "unusable-token")
        if len(self.token) > _HEADER_BYTES:
            raise unusable("its access token is too long for a header (above 16 KB)", "unusable-token")


def unusable(what: str, reason: FailureReason) -> TokenError:
    """The error of a 2xx answer in which there is no usable token: ``what`` says why."""
    return TokenError("protocol", f"the token endpoint answered, but {what}", reason=reason)


def oauth_grant(body: bytes) -> Grant:
    """Read an answer by RFC 6749, section 5.1, as leniently as can be without guessing at the token.

    A ``token_type`` that is missing counts as Bearer; Bearer is known in any spelling, and any other type is
    refused. An ``expires_in`` that is no positive number (in a text or not) counts as not told: then the
    token is used for 300 s, or until it is refused. No token is used for more than a day. Raises TokenError:
    ``protocol``, or ``unauthorized`` for an error with a status of 200.
    """
    answer = _object(body)
    if answer is None:
        raise unusable("its answer is not a JSON object", "not-json")
    token, kind = answer.get("access_token"), answer.get("token_type")
    if token is None:
        code = oauth_code(answer)
        if code is not None:
            text = f"the token endpoint answered with error {code} (in an answer with status 200)"
            raise TokenError("unauthorized", text, status=200, code=code)
        raise unusable("its answer has no access_token", "no-token")
    if not isinstance(token, str):
        raise unusable("its access_token is not a text", "unusable-token")
    if not (kind in (None, "") or (isinstance(kind, str) and _BEARER.fullmatch(kind.strip()))):
        raise unusable("its token_type is not Bearer, and no other is spoken here", "unusable-token")
    return Grant(token, lifetime_of(answer.get("expires_in")))


def lifetime_of(told: Any) -> float:
    """``expires_in`` in seconds, whatever it is: at most a day, and 300 where it says nothing usable."""
    seconds = math.nan
    if isinstance(told, int | float) and not isinstance(told, bool):
        seconds = float(min(told, LONGEST_LIFETIME_SECONDS))  # which may be too long a number for a float
    elif isinstance(told, str) and _NUMBER.fullmatch(told.strip()):
        seconds = float(told.strip())
    return min(seconds, LONGEST_LIFETIME_SECONDS) if seconds > 0 else DEFAULT_LIFETIME_SECONDS


def token_refused(status: int, body: bytes, retry_after: float | None, *, basic: bool = False) -> TokenError:
    """What a status outside 2xx means. The body of a refusal need not be JSON (RFC 6749, section 5.2).

    ``basic``: it asks for HTTP Basic, which was not sent.
    """
    code = oauth_code(_object(body) or {})
    answered = f"the token endpoint answered with status {status}"
    if status in (429, 503):
        return TokenError("overloaded", answered, status=status, code=code, retry_after=retry_after)
    if 300 <= status < 400:
        text = f"{answered}, a redirect, which is not followed; token_url must be the endpoint itself"
        return TokenError("protocol", text, status=status)
    if code is not None:
        answered = f"{answered}, error {code}"
    if basic:
        answered = f"{answered}, and asks for HTTP Basic (token_auth: client_secret_basic)"
    if status in (401, 403) or (status == 400 and code is not None):
        return TokenError("unauthorized", answered, status=status, code=code)
    if status in (404, 405, 410):
        answered = f"{answered} (is token_url right?)"
    return TokenError("status" if status >= 400 else "protocol", answered, status=status, code=code)


def oauth_code(answer: dict[str, Any]) -> str | None:
    """``error``, if it is a code such as ``invalid_client`` and not a sentence, which may name anybody."""
    code = answer.get("error")
    return code if isinstance(code, str) and len(code) <= 40 and _OAUTH_CODE.fullmatch(code) else None


def _object(body: bytes) -> dict[str, Any] | None:
    """The JSON object of the body. The plain reader takes a byte order mark and NaN, as some servers
    write."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
