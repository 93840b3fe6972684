"""``gateway reload``: has a gateway that runs read its tables anew, and says what came of it."""

from __future__ import annotations

import http.client
import json
import os
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import click

from gateway.cli import output
from gateway.cli.addresses import url_of

_SECONDS: Final = 600.0
_MOST_BYTES: Final = 16_777_216
_ANSWERS: Final = (200, 422, 503)


@click.command()
@output.config_option("Whose admin listener is asked.", default="gateway.yaml")
@click.option("--admin", "-a", metavar="HOST:PORT", help="The admin listener, if not the configured one.")
@click.option("--json", "as_json", is_flag=True, help="What came of it, as JSON on stdout.")
def reload(config: Path, admin: str | None, as_json: bool) -> None:
    """Have a running gateway read its tables anew.

    They are checked whole first. A site whose tables have faults keeps those that it has, and the others go
    on with the new ones; with several workers all change or none. The configuration itself is not read: that
    needs a restart.

    \b
    Examples:
      gateway reload
      gateway reload --config /etc/gateway/gateway.yaml
      gateway reload --admin 127.0.0.1:9090 --json | jq .faults

    Exit code 3 if tables have faults, 1 if the gateway could not be asked or could not change.
    """
    host, port = _named(admin) if admin is not None else _configured(config)
    status, told = _asked(host, port)
    if as_json:
        click.echo(output.json_text(told))
    else:
        _tell(told)
    if status != 200:
        sys.exit(output.FAULTS if told.get("faulty") else output.WRONG)


def _configured(config: Path) -> tuple[str, int]:
    from gateway.config import FILE_LIMIT
    from gateway.config.admin import admin_of

    with output.faults_told("nothing was asked"):
        admin = admin_of(config, os.environ, FILE_LIMIT)
    if not admin.port:
        raise click.UsageError("admin.port is 0, so any; say --admin HOST:PORT.")
    return _reached(admin.host), admin.port


def _named(admin: str) -> tuple[str, int]:
    host, _, port = admin.rpartition(":")
    if not port.isdecimal() or not host:
        raise click.BadParameter("write HOST:PORT, as 127.0.0.1:9090.", param_hint="--admin")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _reached(host: str) -> str:
    """Where one that listens on all addresses is reached from here."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


def _asked(host: str, port: int) -> tuple[int, dict[str, Any]]:
    where = url_of("http", host, port)
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("POST", "/reload")
        response = connection.getresponse()
        status, body = response.status, response.read(_MOST_BYTES)
    except (OSError, http.client.HTTPException):
        output.fail(output.WRONG, f"no gateway answers at {where}; is it running, with its admin port there?")
    finally:
        connection.close()
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if status not in _ANSWERS or not isinstance(told, dict) or "changed" not in told:
        output.fail(output.WRONG, f"what answers at {where} ({status}) is no gateway that reads tables anew")
    return status, told


def _tell(told: dict[str, Any]) -> None:
    """The sites that changed on stdout; faults, each once, and what else is to be known on stderr."""
    from gateway.files.characters import plain_line

    for name, tables in told["sites"].items():
        click.echo(f"{click.style('changed', fg='green', bold=True)}  {name}  {tables}")
    faults = dict.fromkeys(fault for site in told["faults"].values() for fault in site["faults"])
    for fault in faults:
        click.echo(plain_line(fault), err=True)
    for name, site in told["faults"].items():
        state = f"keeps {site['serves']}" if site["serves"] else "is left out, answering 503"
        count = output.plural(site["count"], "fault")
        click.echo(f"{click.style('faulty', fg='red', bold=True)}   {name}  {count}; {state}", err=True)
    if told["said"]:
        click.secho(plain_line(told["said"]), fg="red", err=True)
    if told["configuration_differs"]:
        said = "the configuration has changed since the start; it is not read anew, that needs a restart"
        click.secho(said, fg="yellow", err=True)
    counts = f"{told['changed']:,} changed, {told['unchanged']:,} as before, {told['faulty']:,} faulty"
    click.echo(
        f"{output.plural(told['changed'] + told['unchanged'] + told['faulty'], 'site')}: {counts}; "
        f"{told['seconds']} s"
    )
