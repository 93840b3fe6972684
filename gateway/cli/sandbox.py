"""``gateway sandbox``: the simulated systems on their own."""

from __future__ import annotations

import asyncio
import shlex
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli import output

if TYPE_CHECKING:
    from aiohttp import web

REDOX_PORT = 8082
SECRET = "sandbox-secret-with-more-than-48-characters-in-it-0123456789"


@click.command()
@click.option("--redox", "as_redox", is_flag=True, help="Simulate the Redox network in place of Canvas.")
@click.option("--port", type=output.PORT, help="Port; 8081, or 8082 with --redox; 0: any free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--public-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM file by which signed assertions are checked.",
)
@click.option(
    "--token-auth",
    type=click.Choice(["client_secret_post", "client_secret_basic", "private_key_jwt"]),
    multiple=True,
    help="Canvas: how a client may show who it is; without it, a secret in the form or as HTTP Basic.",
)
@click.option("--seed", default=1, show_default=True, help="Another seed, other open times.")
def sandbox(
    as_redox: bool,
    port: int | None,
    host: str,
    public_key: Path | None,
    token_auth: tuple[str, ...],
    seed: int,
) -> None:
    """Run a simulated Canvas (or Redox network) until Ctrl-C.

    It holds a made-up clinic with open times on every day of every year, the same at each start, and
    answers as the vendor's documentation says. Faults can be switched on while it runs.

    \b
    Examples:
      gateway sandbox
      gateway sandbox --port 9000 --seed 7
      gateway sandbox --redox --public-key redox.pub.pem
      gateway sandbox --token-auth private_key_jwt --public-key ehr.pub.pem

    \b
    The key pair of a site whose upstream is the simulated Redox (the private half is its
    private_key_file; base_url is where this says it listens, token_url that with /v2/auth/token):
      openssl genrsa -out redox.pem 2048
      openssl rsa -in redox.pem -pubout -out redox.pub.pem
    """
    from gateway.cli.streams import unwaited

    unwaited()
    chosen = port if port is not None else REDOX_PORT if as_redox else output.SANDBOX_PORT
    if as_redox and token_auth:
        raise click.UsageError("--token-auth is for Canvas; the simulated Redox takes signed assertions.")
    if "private_key_jwt" in token_auth and public_key is None:
        raise click.UsageError("--token-auth private_key_jwt needs --public-key.")
    key = output.file_named(public_key, "--public-key") if public_key is not None else None
    try:
        app = _app(as_redox, key, token_auth, seed)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--public-key") from None
    try:
        output.run(_serve(app, host, chosen, _tell_redox if as_redox else _tell_canvas))
    except OSError as error:
        reason = error.strerror or "the address cannot be used"
        output.fail(output.WRONG, f"cannot listen on {host}:{chosen}: {reason}; choose another --port")


def _app(as_redox: bool, key: bytes | None, token_auth: tuple[str, ...], seed: int) -> web.Application:
    if as_redox:
        from gateway.sandbox.redox import redox_app

        return redox_app(public_key=key, secret=None if key else SECRET, seed=seed, clock=output.clock())
    from gateway.sandbox.canvas import canvas_app

    if token_auth:
        return canvas_app(seed=seed, token_auth=token_auth, public_key=key, clock=output.clock())
    return canvas_app(seed=seed, public_key=key, clock=output.clock())


async def _serve(app: web.Application, host: str, port: int, tell: object) -> None:
    from aiohttp import web

    from gateway.cli.addresses import url_of

    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stop = asyncio.Event()
    try:
        await web.TCPSite(runner, host, port).start()
        at, bound = runner.addresses[0][:2]
        assert callable(tell)
        tell(url_of("http", str(at), int(bound)))
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await stop.wait()
    finally:
        await runner.cleanup()


def _tell_canvas(url: str) -> None:
    click.echo(f"{click.style('Simulated Canvas', bold=True)}  {url}")
    click.echo("   token        POST /auth/token/   any client_id and client_secret that are not empty")
    click.echo("   FHIR         GET /Schedule /Practitioner /Location /Slot /metadata")
    _tell_control(url, '{"slot": {"kind": "status", "status": 429, "retry_after": 2, "times": 1}}')
    click.echo("   faults for   slot, schedule, practitioner, location, token")
    click.echo()
    click.echo("Try it:")
    form = "-d grant_type=client_credentials -d client_id=me -d client_secret=me"
    token = f'$(curl -sS {url}/auth/token/ {form} | sed \'s/.*access_token": *"\\([^"]*\\).*/\\1/\')'
    click.echo(f'   curl -sS {url}/Schedule -H "Authorization: Bearer {token}"')
    click.echo("Ctrl-C ends it.")


def _tell_redox(url: str) -> None:
    click.echo(f"{click.style('Simulated Redox network', bold=True)}  {url}")
    click.echo("   token        POST /v2/auth/token      signed assertion, any client id and key id")
    click.echo(f"                without --public-key: HS384 with the secret {SECRET}")
    click.echo("   legacy key   POST /auth/authenticate  any apiKey and secret")
    click.echo("   queries      POST /endpoint           Scheduling.AvailableSlots, any destination")
    _tell_control(url, '{"endpoint": {"kind": "errors", "times": 1}}')
    click.echo("   faults for   endpoint, token")
    click.echo()
    click.echo("Try it:")
    key = shlex.quote('{"apiKey": "k", "secret": "s"}')
    login = f"curl -sS {url}/auth/authenticate -H 'Content-Type: application/json' --data {key}"
    token = f'$({login} | sed \'s/.*accessToken": *"\\([^"]*\\).*/\\1/\')'
    sample = shlex.quote(f"@{output.SAMPLE_QUERY}")
    head = "-H 'Content-Type: application/json'"
    click.echo(f'   curl -sS {url}/endpoint {head} -H "Authorization: Bearer {token}" --data {sample}')
    click.echo("Ctrl-C ends it.")


def _tell_control(url: str, fault: str) -> None:
    click.echo("   seen         GET /sandbox/requests   what it was asked; DELETE forgets it")
    click.echo("   faults       GET, POST, DELETE /sandbox/faults, for example:")
    click.echo(f"                curl -sS {url}/sandbox/faults --data {shlex.quote(fault)}")
