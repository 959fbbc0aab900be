"""`status`, `runs`, `requests`: what the journal tells, also while objects run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

import typer

from engine.cli.arguments import AnyObject, AsJson, Tags
from engine.cli.context import Context, examples, of
from engine.connections import HttpConnection
from engine.mapping import MappingSpec, connections_of, next_fires, schedules_of
from engine.mapping.load import blocked_reason
from engine.run import App
from engine.schedule import scheduler_of
from engine.state import ends_changed
from engine.state.journal import Journal, Pause, Run, failing, history
from engine.values import ConfigError, Counts

Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most so many, the latest first.")]

commands = typer.Typer(rich_markup_mode=None)


# --- status ------------------------------------------------------------------------------------------


@commands.command("status", epilog=examples("status", "status --json", "--project /srv/shop status"))
def _status(ctx: typer.Context, tags: Tags = None, as_json: AsJson = False) -> None:
    """Show where every object stands: last run, next fire, what is open and since when. Works during runs."""
    context = of(ctx)
    objects, connections = _standings(context, tags or [])
    scheduler = scheduler_of(context.app.state)
    if as_json:
        running = None if scheduler is None else {"process": scheduler}
        context.out.document({"objects": objects, "connections": connections, "scheduler": running})
        return
    context.out.table(
        (
            "object",
            "title",
            "direction",
            "last run",
            "at",
            "confirmed",
            "rejected",
            "waiting",
            "unknown",
            "withheld",
            "open since",
            "next fire",
            "last error",
        ),
        [_status_row(each) for each in objects],
        optional=["title"],
    )
    for name, problems in context.app.loaded.held_up.items():
        context.out.line(f"{name} does not run: {blocked_reason(problems)}")
    for each in objects:
        if changed := each["target_changed"]:
            context.out.line(f"{changed}: it does not run; `one-sync plan {each['object']}` says what to do")
    for each in connections:
        if pause := each["paused"]:
            until, since = context.out.cell(pause["until"]), context.out.cell(pause["since"])
            context.out.line(
                f"connection {each['connection']} is paused since {since} until {until}: {pause['reason']}"
            )
        elif failing := each["failing"]:
            context.out.line(_failing_line(context, each["connection"], failing, serving=scheduler is not None))
    nobody = "no scheduler runs: nothing is sent by itself until `one-sync run` is started"
    context.out.line(nobody if scheduler is None else f"the scheduler runs as process {scheduler}")


def _status_row(standing: Mapping[str, Any]) -> tuple[Any, ...]:
    last: Mapping[str, Any] = standing["last_run"] or {}
    return (
        standing["object"],
        standing["title"],
        standing["direction"],
        "running" if standing["running"] else "paused" if standing["paused"] else last.get("status"),
        (standing["running"] or last).get("started_at"),
        last.get("confirmed"),
        standing["rejected"],
        standing["waiting"],
        standing["unknown"],
        last.get("withheld"),
        standing["oldest_unconfirmed_at"],
        standing["next_fire"],
        last.get("error"),
    )


def _standings(context: Context, tags: Sequence[str] = ()) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Put together the entries of objects and connections, as JSON has them."""
    app = context.app
    project, mappings = app.loaded.project, app.loaded.mappings
    running = {name for name in mappings if history.is_running(app.state, name)}
    with app.journal() as journal:
        last, tallies = journal.runs.last(), history.tallies(journal, running)
        changed = {name: _target_changed(app, journal, mapping) for name, mapping in mappings.items()}
        paused = {name: _pause(name, pause) for name, pause in journal.pauses.all().items()}
        failing = {name: _failing(app, journal, name) for name in project.connections}
    upcoming = next_fires(schedules_of(mappings), app.timezone, app.clock())
    objects = []
    for mapping in app.loaded.select(tags=tags, drafts=True) if tags else mappings.values():
        name = mapping.object
        run = last.get(name)
        pauses = [paused[each] for each in connections_of(project, mapping) if each in paused]
        objects.append(
            {
                "object": name,
                "title": mapping.title,
                "direction": mapping.direction,
                "draft": mapping.draft,
                "running": {"run_id": run.run_id, "started_at": run.started_at} if run and name in running else None,
                "last_run": run_document(run, running=name in running) if run else None,
                "next_fire": upcoming.get(name),
                "oldest_unconfirmed_at": tallies.unconfirmed_since.get(name),
                "rejected": tallies.rejected.get(name, 0),
                "waiting": run.counts.waiting if run and run.counts else 0,
                "unknown": tallies.unknown.get(name, 0),
                "target_changed": changed[name],
                "paused": max(pauses, key=lambda pause: pause["until"], default=None),
            }
        )
    connections = [
        {"connection": name, "paused": paused.get(name), "failing": failing[name]} for name in project.connections
    ]
    return objects, connections


def _target_changed(app: App, journal: Journal, mapping: MappingSpec) -> str | None:
    """Say which end of an object has changed; None also where a variable that names one is missing."""
    try:
        return ends_changed(journal, mapping.object, app.ends_of(mapping))
    except ConfigError:
        return None


def _pause(connection: str, pause: Pause) -> dict[str, Any]:
    return {"connection": connection, "since": pause.since, "until": pause.until, "reason": pause.reason}


def _failing(app: App, journal: Journal, name: str) -> dict[str, Any] | None:
    """Say of an HTTP connection since when nothing that was asked had a good answer, as often as opens its breaker."""
    project = app.loaded.project
    settings = project.connections[name]
    if not isinstance(settings, HttpConnection):
        return None
    objects = {each.object for each in app.loaded.mappings.values() if name in connections_of(project, each)}
    found = failing(journal, objects, settings.breaker.failures)
    if found is None:
        return None
    last = found.last
    return {
        "since": found.since,
        "attempts": found.attempts,
        "last_at": last.at,
        "last": f"{last.method} {last.target.partition('?')[0]}: {last.reason or f'status {last.status}'}",
        "next_try_at": last.at + timedelta(seconds=settings.breaker.pause_seconds),
    }


def _failing_line(context: Context, name: str, failing: Mapping[str, Any], *, serving: bool) -> str:
    since, last, again = (context.out.cell(failing[each]) for each in ("since", "last_at", "next_try_at"))
    line = (
        f"connection {name} gave no good answer to {failing['attempts']} attempts in a row since {since}, "
        f"the last at {last}: {failing['last']}"
    )
    waits = serving and failing["next_try_at"] > context.app.clock()
    return f"{line}; the next try is at {again} or later" if waits else line


# --- history ------------------------------------------------------------------------------------------


def run_document(run: Run, *, running: bool) -> dict[str, Any]:
    """Give a run as JSON has it; counts are null where it did not end."""
    counts = asdict(run.counts) if run.counts else dict.fromkeys(asdict(Counts()))
    return {
        "run_id": run.run_id,
        "object": run.object,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "status": run.status or ("running" if running else "interrupted"),
        **counts,
        "duration_seconds": None if run.duration_seconds is None else round(run.duration_seconds, 3),
        "error": run.error,
    }


@commands.command("runs", epilog=examples("runs", "runs stocks", "runs stocks --limit 1 --json"))
def _runs(ctx: typer.Context, object_: AnyObject = None, limit: Limit = 20, as_json: AsJson = False) -> None:
    """List the latest runs. A run that was killed is `interrupted`; the next one has settled what it left."""
    context = of(ctx)
    _known(context, object_)
    with context.app.journal() as journal:
        found = journal.runs.latest(object_, limit)
        latest = {run.run_id for run in journal.runs.last().values()}
    documents = [
        run_document(run, running=run.run_id in latest and history.is_running(context.app.state, run.object))
        for run in found
    ]
    if as_json:
        context.out.document({"runs": documents})
        return
    columns = ("started_at", "object", "status", "extracted", "confirmed", "rejected", "failed", "requests", "error")
    rows = [[each[name] for name in columns] for each in documents]
    context.out.table(("at", *columns[1:]), rows)


@commands.command("requests", epilog=examples("requests", "requests clients --limit 200", "requests --json"))
def _requests(ctx: typer.Context, object_: AnyObject = None, limit: Limit = 20, as_json: AsJson = False) -> None:
    """List the latest requests, one line an attempt; bodies are not kept."""
    context = of(ctx)
    _known(context, object_)
    with context.app.journal() as journal:
        found = journal.requests.latest(object_, limit)
    columns = ("at", "object", "method", "target", "lines", "status", "outcome", "duration_seconds", "reason")
    documents = [
        {name: getattr(each, name) for name in ("run_id", *columns)}
        | {"duration_seconds": round(each.duration_seconds, 3)}
        for each in found
    ]
    if as_json:
        context.out.document({"requests": documents})
        return
    names = ("at", "object", "method", "target", "lines", "status", "outcome", "seconds", "reason")
    context.out.table(names, [[each[name] for name in columns] for each in documents])


def _known(context: Context, object_: str | None) -> None:
    """Refuse a name that no mapping has, with the nearest one."""
    if object_ is not None:
        context.app.loaded.select([object_], drafts=True)
