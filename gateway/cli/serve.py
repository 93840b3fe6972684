"""``gateway serve``: both listeners, in one process or in several workers."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli import output

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from gateway.assemble import Application, ReadConfiguration
    from gateway.assemble.reload import Candidate, Reloading, Switch
    from gateway.web.tables_told import Reloaded, TablesTold


@click.command()
@output.config_option("What to serve.", default="gateway.yaml")
@click.option(
    "--workers",
    "-w",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that share the public port. One for each CPU core is a good number.",
)
def serve(config: Path, workers: int) -> None:
    """Serve a configuration until SIGTERM or Ctrl-C.

    The configuration and all tables are checked first. A site whose tables have faults is left out and
    answers 503; with faults of the configuration, or where no site is left, nothing is started. The log
    goes to stdout, one JSON line a request; where the listeners are is said on stderr. SIGTERM ends
    in order: not ready, then deaf, then done; a second one hurries.

    \b
    Examples:
      gateway serve
      gateway serve --config /etc/gateway/gateway.yaml --workers 4
      gateway serve | jq 'select(.status >= 400)'

    Exit code 3 if the configuration has faults, or the tables of all sites (of any, with
    "mappings_faults: refuse").
    """
    from gateway.assemble import Snapshot, assemble, read_configuration
    from gateway.assemble.reload import Reloading
    from gateway.cli.addresses import say_left_out
    from gateway.cli.streams import unwaited
    from gateway.web.descriptors import raise_open_files
    from gateway.web.tables_told import FaultySite, TablesTold

    unwaited()
    raise_open_files()
    with output.faults_told("nothing was started"):
        found = read_configuration(config, os.environ)
        snapshot = Snapshot.of(found) if workers > 1 else None
        application = assemble(found, clock=output.clock()) if snapshot is None else snapshot.assemble(found)
    log = log_of(application)
    for remark in found.remarks:
        log.warning("remark", place=f"{remark.file}:{remark.line}", text=remark.text)
    faulty = {name: FaultySite.of(None, faults) for name, faults in found.left_out.items()}
    told = TablesTold(faulty, output.clock()().timestamp())
    told.watched(application.metrics.registry)
    told.log(log, told.faulty)
    say_left_out(told.faulty)
    reloading = partial(Reloading, found, application, told, log=log, clock=output.clock())
    try:
        if snapshot is None:
            set_aside()
            output.run(one_process(application, log, told, reloading(switch=in_one_process(application))))
        else:
            from gateway.cli.supervise import Supervisor

            code = output.run(Supervisor(snapshot, application, workers, log, told, reloading).run())
            sys.exit(code)
    except OSError as error:
        output.fail(output.WRONG, listen_fault(error, found))


def log_of(application: Application) -> FilteringBoundLogger:
    """The log on stdout; what libraries say comes along, from warnings up and without their values.

    So do exceptions that nobody is there to take (in a finalizer, in a thread). What cannot be written is
    lost and counted in the metrics; nothing waits for it.
    """
    import logging

    from gateway.cli.streams import unwaited
    from gateway.web.logging import LibraryLog, configure, lost_lines, take_strays

    settings, streams = application.settings.log, unwaited()
    pretty = settings.format == "console"
    streams.out.told = lost_lines(pretty=pretty)
    application.metrics.watch_log({"stdout": lambda: streams.out.lost, "stderr": lambda: streams.err.lost})
    log = configure(streams.out, settings.level, pretty=pretty)
    logging.basicConfig(handlers=[LibraryLog(log)], level=logging.WARNING, force=True)
    take_strays(log)
    return log


def set_aside() -> None:
    """Keep what is there for good (modules, tables) out of the garbage collector's full passes.

    Such a pass takes tens of milliseconds, in the middle of somebody's request. Once only, at the start: what
    is set aside is never collected, and tables that were put in force later are one day replaced.
    """
    gc.collect()
    gc.freeze()


def in_one_process(application: Application) -> Switch:
    """Puts tables in force where there is no other process."""

    async def switch(candidate: Candidate) -> None:
        application.swap(candidate.ready)

    return switch


def on_hangup(reloading: Reloading) -> Callable[[], None]:
    """What SIGHUP does: the log says what came of it."""
    asked: set[asyncio.Task[Reloaded]] = set()

    def hang_up() -> None:
        task = asyncio.get_running_loop().create_task(reloading.reload("signal"))
        asked.add(task)
        task.add_done_callback(asked.discard)

    return hang_up


async def one_process(
    application: Application, log: FilteringBoundLogger, tables: TablesTold, reloading: Reloading
) -> None:
    """Everything in this process."""
    from gateway.assemble.application import shutdown_of
    from gateway.cli.addresses import say_where
    from gateway.web.server import Listen
    from gateway.web.server import run as listen

    admin = application.settings.admin
    reloading.begin()
    try:
        await listen(
            application.public(log),
            application.admin(log, tables, reloading.reload),
            listen=application.listen(),
            admin_listen=Listen(admin.host, admin.port),
            readiness=application.readiness,
            log=log,
            on_bound=lambda bound: say_where(application, bound),
            shutdown=shutdown_of(application.settings),
            on_hangup=on_hangup(reloading),
        )
    finally:
        await reloading.close()
        await application.close()


def listen_fault(error: OSError, found: ReadConfiguration) -> str:
    """Why an address cannot be listened on, and which keys say it."""
    settings = found.settings
    places = f"server {settings.server.host}:{settings.server.port}"
    places += f", admin {settings.admin.host}:{settings.admin.port}"
    reason = error.strerror or "the address cannot be used"
    return f"cannot listen ({places}): {reason}. Free the port, or change server.port or admin.port"
