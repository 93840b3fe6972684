"""One JSON line a request, on a stream; and what an exception may say of itself there.

Names and numbers only: no body, no header, no query string, no text of a foreign exception. Whatever goes
wrong with a line, whoever logs it does not notice.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from itertools import islice
from traceback import walk_tb
from types import TracebackType
from typing import Any, Final, Literal, Protocol

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger, WrappedLogger

from gateway.core.errors import GatewayError, Issue
from gateway.web.exchange import Exchange
from gateway.web.sink import Reason, Told

Level = Literal["debug", "info", "warning", "error"]

_MAX_ISSUES: Final = 20
_MAX_PATH: Final = 160
_MAX_FRAMES: Final = 40
_MAX_CAUSES: Final = 5

_encode = msgspec.json.Encoder(enc_hook=lambda value: type(value).__name__).encode


class Stream(Protocol):
    """What a log is written to: a :class:`gateway.web.sink.Sink` where somebody waits for answers."""

    def write(self, line: bytes, /) -> Any: ...

    def isatty(self) -> bool: ...


def configure(stream: Stream, level: Level = "info", *, pretty: bool = False) -> FilteringBoundLogger:
    """A logger that writes to ``stream``: JSON lines, or lines for a person if ``pretty``.

    Nothing global is set: the logger is handed to whoever writes to it.
    """
    processors: list[Any] = [_render_json]
    if pretty:
        colours = stream.isatty()
        processors = [
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False, key="timestamp"),
            structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=8),
            lambda _logger, _method, line: line.encode("utf-8", "backslashreplace"),
        ]
    lazy: FilteringBoundLogger = structlog.wrap_logger(
        _Lines(stream),
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
    )
    return lazy.bind()  # bound once here, not once a line


class _Lines:
    """structlog's BytesLogger without its lock, which a finalizer that logs would wait for for ever."""

    def __init__(self, stream: Stream) -> None:
        self._write = stream.write

    def msg(self, message: bytes) -> None:
        self._write(message + b"\n")

    debug = info = warning = error = critical = msg


def _render_json(_logger: WrappedLogger, method: str, event: MutableMapping[str, Any]) -> bytes:
    name = event.pop("event")
    line = {"ts": _stamp(datetime.now(UTC)), "level": method, "event": name, **event}
    try:
        return _encode(line)
    except (TypeError, ValueError, RecursionError):  # text that is no Unicode, say
        return _encode({key: _spelt(value) for key, value in line.items()})


def _spelt(value: object) -> msgspec.Raw:
    """The JSON of one field; of what has none its type."""
    try:
        return msgspec.Raw(_encode(value))
    except (TypeError, ValueError, RecursionError):
        return msgspec.Raw(_encode(f"not to be written: {type(value).__name__}"))


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def lost_lines(*, pretty: bool = False) -> Told:
    """What a :class:`~gateway.web.sink.Sink` says of lines that it lost, in the form of the log around it."""

    def told(lost: Mapping[Reason, int], since: float) -> bytes:
        count, begin = sum(lost.values()), datetime.fromtimestamp(since, UTC)
        if pretty:
            reasons = ", ".join(f"{reason} {number}" for reason, number in lost.items())
            return f"{count} lines could not be written here since {begin:%H:%M:%S}Z ({reasons})\n".encode()
        line = {"ts": _stamp(datetime.now(UTC)), "level": "warning", "event": "log", "lost": count}
        return _encode({**line, "reasons": lost, "since": _stamp(begin)}) + b"\n"

    return told


def request_fields(
    exchange: Exchange, status: int, bytes_out: int, seconds: float, error: GatewayError | None
) -> dict[str, Any]:
    """The fields of a request's line: always the same keys, null where there is nothing to say.

    Times are milliseconds. ``issues`` are codes and paths, at most twenty; never their texts.
    ``unchecked`` are the wishes, by the paths of their rows, of which nobody can tell whether they are met.
    ``passed_over`` is where a message held fields that its schema does not have, and how many; never their
    names. ``upstream`` says which request upstream an error comes of, or an answer lacks: its target
    (``token``: the token endpoint), status and code.
    """
    issues = error.issues if error is not None else exchange.issues
    return {
        "request_id": exchange.request_id,
        "surface": exchange.surface,
        "method": exchange.method,
        "route": exchange.route,
        "site": exchange.site,
        "client": exchange.client,
        "from": exchange.origin.address,
        "peer": exchange.origin.peer,
        "redox_event": exchange.event,
        "status": status,
        "error": None if error is None else error.kind,
        "upstream": _upstream(error, exchange),
        "ms": round(seconds * 1000, 2),
        "stages": {stage: round(spent * 1000, 2) for stage, spent in exchange.stages.items()},
        "counts": exchange.counts,
        "issues": [_issue(issue) for issue in issues[:_MAX_ISSUES]] if issues else [],
        "unchecked": list(exchange.unchecked),
        "passed_over": dict(islice(exchange.passed_over.items(), _MAX_ISSUES)),
        "bytes_in": exchange.bytes_in,
        "bytes_out": bytes_out,
        "tables": exchange.table_hash,
    }


def _upstream(error: GatewayError | None, exchange: Exchange) -> dict[str, Any] | None:
    """What the error comes of; else the first that failed of what was asked."""
    fault = None if error is None else error.upstream
    if fault is None and exchange.failures:
        fault = exchange.failures[0].fault
    if fault is None:
        return None
    return {
        "target": fault.target.partition("/")[0],
        "failure": fault.failure,
        "status": fault.status,
        "code": fault.code,
        "reason": fault.reason,
    }


def _issue(issue: Issue) -> str:
    return f"{issue.code} {issue.path[:_MAX_PATH]}".rstrip()


def describe_fault(fault: BaseException) -> dict[str, Any]:
    """An exception that nobody foresaw: its type, its causes' types, and where; not what it says.

    The text of a foreign exception, and the values of variables, may be out of a message.
    """
    kinds, cause = [_name(fault)], fault.__cause__ or fault.__context__
    while cause is not None and len(kinds) <= _MAX_CAUSES:
        kinds.append(_name(cause))
        cause = cause.__cause__ or cause.__context__
    return {"fault": kinds, "frames": _frames(fault.__traceback__)}


def _name(fault: BaseException) -> str:
    return f"{type(fault).__module__}.{type(fault).__qualname__}"


def _frames(traceback: TracebackType | None) -> list[str]:
    frames = [f"{f.f_code.co_filename}:{line}:{f.f_code.co_name}" for f, line in walk_tb(traceback)]
    return frames[-_MAX_FRAMES:]


def take_strays(log: FilteringBoundLogger) -> None:
    """Log exceptions that nobody is there to take (in a finalizer, in a thread), without what they say.

    Python would write them to stderr, text and all.
    """

    def stray(fault: BaseException | None) -> None:
        log.error("fault", **(describe_fault(fault) if fault is not None else {}))

    sys.unraisablehook = lambda raised: stray(raised.exc_value)
    threading.excepthook = lambda raised: stray(raised.exc_value)


class LibraryLog(logging.Handler):
    """Carries what libraries say through :mod:`logging` over to our log, less what may hold data.

    Of a record the logger's name and the first line of its message *template* are kept, never the
    arguments; of an exception what :func:`describe_fault` keeps.
    """

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        fault = record.exc_info[1] if record.exc_info else None
        said = _template(record) if record.args or fault is None else "exception"
        fields: Mapping[str, Any] = describe_fault(fault) if fault is not None else {}
        self._log.log(record.levelno, "library", logger=record.name, said=said, **fields)


def _template(record: logging.LogRecord) -> str:
    try:
        return str(record.msg).partition("\n")[0][:200]
    except Exception:  # an object of the library's, whose text is its own affair
        return type(record.msg).__name__
