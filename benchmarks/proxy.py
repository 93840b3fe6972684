"""What the gateway is measured beside: proxies that hand the upstream's bytes through and look at nothing.

``python -m benchmarks.proxy PORT UPSTREAM_URL`` is the bare aiohttp one: a ``POST /redox`` comes in, one GET
goes upstream over a kept connection, its bytes go back. :func:`nginx_configuration` is the same for nginx.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import aiohttp
import uvloop
from aiohttp import web

from benchmarks.bundles import MINUTES, SAMPLE_SCHEDULE

SEARCH = (
    f"/Slot?schedule=Schedule/{SAMPLE_SCHEDULE}&start=2023-09-20&end=2023-09-25&duration={MINUTES}&_count=100"
)


async def serve(port: int, upstream: str) -> None:
    """Serves until it is cancelled, with the client and server settings that the gateway uses."""
    timeout = aiohttp.ClientTimeout(total=25, sock_connect=5)
    connector = aiohttp.TCPConnector(limit=512, keepalive_timeout=15)
    cookies = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=cookies, timeout=timeout) as session:

        async def pass_through(request: web.Request) -> web.Response:
            await request.read()
            headers = {"Accept": "application/fhir+json", "Authorization": "Bearer benchmark"}
            async with session.get(upstream + SEARCH, headers=headers, allow_redirects=False) as answer:
                return web.Response(body=await answer.read(), content_type="application/json")

        app = web.Application(client_max_size=10 * 2**20)
        app.router.add_post("/redox", pass_through)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, keepalive_timeout=75)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()


def nginx_configuration(folder: Path, port: int, upstream_port: int) -> str:
    """One worker; all of its files in ``folder``. The POST becomes the same GET as the bare proxy's."""
    temporary = "\n".join(
        f"  {kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off;
{temporary}
  upstream ehr {{ server 127.0.0.1:{upstream_port}; keepalive 200; }}
  server {{
    listen 127.0.0.1:{port};
    keepalive_requests 1000000;
    location = /redox {{
      proxy_method GET;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer benchmark";
      proxy_http_version 1.1;
      proxy_pass http://ehr{SEARCH};
    }}
  }}
}}
"""


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
