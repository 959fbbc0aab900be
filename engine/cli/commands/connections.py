"""`connections`: asks each connection whether it can be used."""

from __future__ import annotations

import typer

from engine.cli.arguments import AsJson
from engine.cli.context import examples, of
from engine.inspect import probe
from engine.schedule import worst

commands = typer.Typer(rich_markup_mode=None)


@commands.command(
    "connections", epilog=examples("connections", "connections --json", "--project /srv/shop connections")
)
def _connections(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Test each connection; one that answers again is no longer paused.

    A database is connected to; an HTTP end is asked for the next page of a feed, or for / where it has none. Exit 6
    when an end does not answer or refuses the credentials.
    """
    context = of(ctx)
    app = context.app
    probes = [probe(app, name) for name in app.loaded.project.connections]
    with app.journal() as journal:
        paused = journal.pauses.all()
    lifted = [each.connection for each in probes if each.error is None and each.connection in paused]
    if lifted:
        with app.journal_to_write() as journal:
            for name in lifted:
                journal.pauses.end(name)
    documents = [
        {
            "connection": each.connection,
            "type": each.type,
            "ok": each.error is None,
            "answer": each.error.message if each.error else each.answer,
            "pause_lifted": each.connection in lifted,
            "duration_seconds": round(each.duration_seconds, 3),
        }
        for each in probes
    ]
    if as_json:
        context.out.document({"connections": documents})
    else:
        rows = [
            (each["connection"], each["type"], "ok" if each["ok"] else "fault", each["answer"]) for each in documents
        ]
        context.out.table(("connection", "type", "state", "answer"), rows)
        for name in lifted:
            context.out.line(f"the pause of {name} is over")
    raise typer.Exit(int(worst(each.error.exit for each in probes if each.error)))
