"""What all commands say alike: exit codes, faults, where a configuration comes from."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import click

from gateway.clock import Clock, utc_now

if TYPE_CHECKING:
    from gateway.cases.case import Case
    from gateway.config import Upstream
    from gateway.core.errors import Issue

WRONG: Final = 1
USAGE: Final = 2
FAULTS: Final = 3
UPSTREAM: Final = 4

SAMPLES: Final = Path(__file__).parent / "samples"
USUAL: Final = Path("gateway.yaml")
DEMO: Final = SAMPLES / "demo.yaml"
SAMPLE_QUERY: Final = SAMPLES / "available-slots.json"

WIDTH: Final = 100
INPUT_LIMIT: Final = 67_108_864
PORT: Final = click.IntRange(0, 65_535)
_NAMES_TOLD: Final = 12

GATEWAY_PORT, ADMIN_PORT, SANDBOX_PORT = 8080, 9090, 8081

_Result = TypeVar("_Result")
_Command = TypeVar("_Command", bound=Callable[..., Any])


def config_option(text: str, *, default: str | None = None) -> Callable[[_Command], _Command]:
    """``--config FILE``."""
    return click.option(
        "--config",
        "-c",
        "config",
        type=click.Path(path_type=Path),
        default=default,
        show_default=default is not None,
        metavar="FILE",
        help=text,
    )


def case_options(command: _Command) -> _Command:
    """``[CASE]... --cases DIR``: which cases."""
    folder = click.option(
        "--cases",
        "folder",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        metavar="DIR",
        help="The cases; without it cases/ in the tables' folder.",
    )
    return click.argument("names", nargs=-1, metavar="[CASE]...")(folder(command))


def cases_of(tables: Path | None, folder: Path | None, names: Sequence[str]) -> list[Case]:
    """The cases that were chosen. BadParameter for one that is not there; Faults."""
    from gateway.cases.case import NoSuchCase, chosen_cases

    try:
        return chosen_cases(tables, folder, names)
    except NoSuchCase as error:
        raise click.BadParameter(str(error), param_hint="CASE") from None


def demo_environment(
    gateway: int = GATEWAY_PORT, admin: int = ADMIN_PORT, sandbox: int = SANDBOX_PORT
) -> dict[str, str]:
    """The variables of the demo configuration, its token made anew each time."""
    ports = {"GATEWAY_PORT": str(gateway), "ADMIN_PORT": str(admin), "SANDBOX_PORT": str(sandbox)}
    return {**ports, "DEMO_TOKEN": secrets.token_hex(16)}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The configuration that a command works with. ``named``: the command line says which."""

    path: Path
    environ: Mapping[str, str]
    named: bool

    @property
    def name(self) -> str:
        """How it is called in a sentence."""
        return "the demo configuration" if self.path == DEMO else str(self.path)


def chosen(config: Path | None) -> Chosen:
    """The configuration that was named, or that of this folder, or the demo's with its own variables."""
    if config is not None:
        return Chosen(config, os.environ, named=True)
    if os.path.lexists(USUAL):  # whatever it is: if it is no file, that is told, and nothing else is taken
        return Chosen(USUAL, os.environ, named=False)
    return Chosen(DEMO, demo_environment(), named=False)


def file_named(path: Path, option: str | None = None) -> bytes:
    """The content of a file that the command line names ("-": stdin). BadParameter if it cannot be read,
    or is longer than any message or Bundle."""
    from gateway.files.regular import bounded, read_input, reason_of

    stdin = str(path) == "-"
    try:
        return bounded(sys.stdin.buffer.read, INPUT_LIMIT) if stdin else read_input(path, INPUT_LIMIT)
    except (OSError, ValueError) as error:
        text = f"{'stdin' if stdin else path} cannot be read: {reason_of(error)}."
        raise click.BadParameter(text, param_hint=option) from None


def clock() -> Clock:
    """The clock that this command was handed, as ``main(obj=clock)``; else the system's.

    Only who calls the command from Python can hand one: there is no option and no variable for it, as tokens
    are judged by it.
    """
    context = click.get_current_context(silent=True)
    handed = context.find_root().obj if context is not None else None
    return handed if callable(handed) else utc_now


def using(what: str) -> None:
    """Says on stderr what was chosen for want of being named."""
    click.echo(click.style(f"Using {what}", dim=True), err=True)


def address(upstream: Upstream) -> str:
    """Where an upstream is, and where its tokens come from."""
    if upstream.token_url is not None:
        return f"{upstream.base_url} (tokens from {upstream.token_url})"
    asked = upstream.auth in ("client-credentials", "signed-assertion")
    return upstream.base_url + (" (tokens from where its smart-configuration says)" if asked else "")


def known_by(upstream: Upstream) -> str:
    """By what kind of token an upstream knows us, in a few words."""
    match upstream.auth:
        case "client-credentials" if upstream.token_auth == "auto":
            return "client_secret, in the form unless its smart-configuration says otherwise"
        case "client-credentials":
            return upstream.token_auth
        case "signed-assertion":
            return f"private_key_jwt ({upstream.algorithm or 'as its key is'})"
        case "api-key":
            return "Redox's legacy key"
        case "token":
            return "a fixed token"
        case "none":
            return "none"


def fail(code: int, text: str) -> NoReturn:
    """One line on stderr, and out."""
    click.echo(f"{click.style('error:', fg='red', bold=True)} {text}", err=True)
    sys.exit(code)


@contextmanager
def faults_told(ending: str) -> Iterator[None]:
    """Faults raised inside are told, each on its line, and end the command with code 3.

    ``ending`` completes "3 faults; ...": what therefore did not happen.
    """
    from gateway.files.characters import plain_line
    from gateway.files.marked import Faults

    try:
        yield
    except Faults as wrong:
        for fault in wrong.faults:
            place = click.style(f"{plain_line(fault.file)}:{fault.line}:{fault.column}:", bold=True)
            click.echo(f"{place} {plain_line(fault.text)}", err=True)
        count = len(wrong.faults)
        total = click.style(f"{count} fault{'s' * (count != 1)}", fg="red", bold=True)
        click.echo(f"{total}; {ending}", err=True)
        sys.exit(FAULTS)


def no_site(wanted: str | None, names: Iterable[str], where: str) -> click.BadParameter:
    """That ``where`` has no such site: with those that it has, or of many with the nearest."""
    from gateway.files.marked import nearest

    known = list(names)
    near = nearest(wanted or "", known)
    text = f"there are: {', '.join(known)}."
    if len(known) > _NAMES_TOLD:
        text = f"did you mean {' or '.join(near)}?" if near else f"there are {len(known):,} others."
    return click.BadParameter(f'There is no site "{wanted}" in {where}; {text}', param_hint="--site")


def tell_issues(issues: Iterable[Issue]) -> None:
    """Issues on stderr, one a line, errors first."""
    colours = {"fatal": "red", "error": "red", "warning": "yellow"}
    for issue in sorted(issues, key=lambda each: each.severity not in ("fatal", "error")):
        label = click.style(f"{issue.severity}:", fg=colours.get(issue.severity), bold=True)
        click.echo(f"{label} {issue}", err=True)


def run(coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    """Run to the end, on uvloop where there is one. Ctrl-C ends it quietly, with code 130."""
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    try:
        import uvloop
    except ImportError:
        pass
    else:
        loop_factory = uvloop.new_event_loop
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(coroutine)
    except KeyboardInterrupt:
        sys.exit(130)


def json_text(value: object) -> str:
    """JSON for a person and a script alike: indented, letters as they are."""
    import json

    return json.dumps(value, indent=2, ensure_ascii=False)


def fitted(line: str) -> Iterator[str]:
    """The line, parted at its blanks where it is too long for a terminal. A word that is too long by itself
    stays whole, so that it can be copied."""
    begun = re.match(r"((?:\x1b\[[\d;]*m)*)( *)", line)
    assert begun is not None  # it matches nothing, too
    shown, onward = begun[0], f"{begun[2]}  "
    room = WIDTH - len(onward)
    first = True
    for word in line[begun.end() :].split(" "):
        fits = len(click.unstyle(f"{shown} {word}")) <= WIDTH or len(click.unstyle(word)) > room
        if first or fits:
            shown += word if first else f" {word}"
        else:
            yield shown.rstrip()
            shown = f"{onward}{word}"
        first = False
    yield shown


def plural(count: int, word: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


_LONGEST_VALUE: Final = 160


def one_line(value: object) -> str:
    """A value of a message or an answer as a terminal may show it: short, on one line, and with nothing that
    a terminal would obey."""
    import json

    from gateway.files.characters import plain_line

    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    short = text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."
    return plain_line(short)
