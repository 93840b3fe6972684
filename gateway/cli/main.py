"""``gateway``: the command line. Each command is a module of its own, imported when it is used."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, Final

import click

from gateway.version import __version__

# Name -> where its command is. The order is that of the help.
COMMANDS: Final = {
    "demo": "gateway.cli.demo:demo",
    "serve": "gateway.cli.serve:serve",
    "reload": "gateway.cli.reload:reload",
    "check": "gateway.cli.check:check",
    "translate": "gateway.cli.translate:translate",
    "explain": "gateway.cli.explain:explain",
    "test": "gateway.cli.cases:test",
    "diff": "gateway.cli.diff:diff",
    "coverage": "gateway.cli.coverage:coverage",
    "show": "gateway.cli.show:show",
    "export": "gateway.cli.export:export",
    "import": "gateway.cli.import_:import_",
    "schemas": "gateway.cli.schemas:schemas",
    "directory": "gateway.cli.pull:directory",
    "probe": "gateway.cli.probe:probe",
    "sandbox": "gateway.cli.sandbox:sandbox",
}


class Commands(click.Group):
    """Knows its commands by name; a command's own module imports the rest when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"there are: {', '.join(COMMANDS)}"
            raise click.UsageError(f'There is no command "{args[0]}"; {hint}', ctx)
        return super().resolve_command(ctx, args)


def _version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    click.echo(f"gateway {__version__}")
    ctx.exit()


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Say which version."
)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Answers queries for open appointments, Redox's from a FHIR R4 EHR and FHIR clients' from Redox, by
    mapping tables.

    \b
    See it work, with a simulated EHR and nothing to configure:
      gateway demo

    \b
    For real: write gateway.yaml, let it be checked, serve it:
      gateway check --config gateway.yaml
      gateway serve --config gateway.yaml

    \b
    Tables were edited? Live, without a restart:
      gateway reload --config gateway.yaml

    \b
    What does a message mean, and what would be answered? Offline:
      gateway translate request.json
      gateway translate request.json --bundle slots.json

    \b
    The tables for sign-off, or in a spreadsheet and back:
      gateway export --site north --format xlsx --output north.xlsx
      gateway import north.xlsx --dry-run

    \b
    Why is it so, and is it still as it was? By every row, and over all cases of your tables:
      gateway explain request.json --bundle slots.json
      gateway test
      gateway diff --against HEAD

    \b
    Exit codes, for scripts:
      0  it worked
      1  the answer was wrong or refused (demo --once, translate, explain), a case came out otherwise
         (test), more than --fail-over did (diff), tables are others than were exported (import), an
         address is taken, or the gateway could not be reached or would not change (reload)
      2  the command line is wrong
      3  the configuration or the tables have faults; each is told as file:line:column
      4  the EHR could not be asked (directory pull, probe, explain --live)
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def run(arguments: list[str] | None = None) -> Any:
    """The same as a function, for a process that was started with ``-m``."""
    return main(arguments, prog_name="gateway")


if __name__ == "__main__":
    run()
