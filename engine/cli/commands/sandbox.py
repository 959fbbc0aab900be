"""`sandbox`: the stand-in for ONe, in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.context import examples, of
from engine.sandbox import Sandbox, serve
from engine.sandbox.api import Settings

commands = typer.Typer(rich_markup_mode=None)


@commands.command(
    "sandbox",
    epilog=examples("sandbox", "sandbox --port 9000 --api-key secret --tenant shop", "sandbox --host 0.0.0.0"),
)
def _sandbox(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="PORT", help="0 takes a free one.")] = 8700,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    api_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="The only ApiAuth to accept; without it any.", show_default=False)
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The only one-tenant to accept; without it any.", show_default=False),
    ] = None,
) -> None:
    """Serve a stand-in for the ONe platform until Ctrl-C, to try mappings against without harm.

    It checks requests as the platform documents them and holds everything in memory. Its page /_sandbox/ shows what
    it holds and received. POST /_sandbox/faults {"action": {"status": 503}, "times": 2} lets two requests fail.
    """
    out = of(ctx).out

    def started(sandbox: Sandbox) -> None:
        out.line(f"ONE_BASE_URL={sandbox.url}")
        out.line(f"{sandbox.url}/_sandbox/ shows what it holds; Ctrl-C ends it")

    serve(host, port, settings=Settings(api_key=api_key, tenant=tenant), started=started)
