"""``gateway demo``: a simulated EHR, the gateway, the sample query, and what became of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from gateway.cli import output

if TYPE_CHECKING:
    from gateway.cli.demo_run import Demo


@click.command()
@click.option("--once", is_flag=True, help="End after the answer: exit code 0 if it was right, else 1.")
@click.option(
    "--port",
    type=output.PORT,
    default=output.GATEWAY_PORT,
    show_default=True,
    help="The gateway; 0: any free one.",
)
@click.option(
    "--admin-port",
    type=output.PORT,
    default=output.ADMIN_PORT,
    show_default=True,
    help="Its health and metrics.",
)
@click.option(
    "--sandbox-port",
    type=output.PORT,
    default=output.SANDBOX_PORT,
    show_default=True,
    help="The simulated Canvas.",
)
def demo(once: bool, port: int, admin_port: int, sandbox_port: int) -> None:
    """See it work, with nothing to configure.

    Starts a simulated Canvas and the gateway, both on this machine only, sends the sample query of
    the Redox documentation, and shows the FHIR searches that it became, the answer, the time each
    took, and how to ask again with curl. Then it stays up until Ctrl-C. A port that is taken is
    replaced by the next free one.

    \b
    Examples:
      gateway demo
      gateway demo --once
      gateway demo --port 8000
    """
    from gateway.cli.demo_run import started
    from gateway.cli.streams import unwaited

    unwaited()
    asked = {"gateway": port, "admin": admin_port, "sandbox": sandbox_port}
    try:
        ports = _ports(asked)
        with output.faults_told("the demo was not started"):
            run = started(ports, output.clock())
        right = output.run(_show(run, once))
    except OSError as error:
        output.fail(output.WRONG, f"cannot listen: {error.strerror or 'the address cannot be used'}")
    if once and not right:
        sys.exit(output.WRONG)


def _ports(asked: dict[str, int]) -> dict[str, int]:
    from gateway.cli.ports import free_port

    found: dict[str, int] = {}
    for name, wanted in asked.items():
        others = {*found.values(), *(other for key, other in asked.items() if key != name)}
        found[name] = free_port(wanted, others)
        if wanted not in (0, found[name]):
            click.echo(f"Port {wanted} is taken; the {name} takes {found[name]}.")
    return found


async def _show(run: Demo, once: bool) -> bool:
    from gateway.cli import demo_page

    async with run:
        demo_page.where(run)
        first = await run.ask()
        again = await run.ask()
        right = demo_page.tell(run, first, again)
        if once:
            return right
        demo_page.next_steps(run)
        run.tap.show()
        await run.ended()
    return right
