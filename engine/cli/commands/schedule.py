"""`schedule`: the fires of a period."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import typer

from engine.cli.arguments import AsJson, Tags
from engine.cli.context import examples, of
from engine.mapping import Fire, MappingSpec, plan, schedules_of
from engine.values import Change

commands = typer.Typer(rich_markup_mode=None)


@commands.command(
    "schedule", epilog=examples("schedule", "schedule --hours 1", "schedule --from 2026-03-29T00:00 --hours 24 --json")
)
def _schedule(
    ctx: typer.Context,
    start: Annotated[
        str | None, typer.Option("--from", metavar="T", help="ISO time; without a zone it is in the project's.")
    ] = None,
    hours: Annotated[float, typer.Option(min=0, metavar="N", help="Length of the period.")] = 24,
    tags: Tags = None,
    as_json: AsJson = False,
) -> None:
    """List the fires of a period, from now on or from T: when, which object, for which changes.

    Objects that run `once` or by hand have no fires.
    """
    context = of(ctx)
    mappings, timezone = context.app.loaded.mappings, context.app.timezone
    begin = _moment(start) if start else context.app.clock()
    begin = begin if begin.tzinfo else begin.replace(tzinfo=timezone)
    try:
        end = begin + timedelta(hours=hours)
    except OverflowError as error:
        raise typer.BadParameter("the period is too long", param_hint="--hours") from error
    wanted = {each.object for each in context.app.loaded.select(tags=tags, drafts=True)} if tags else set(mappings)
    fires = plan(schedules_of(mappings), list(mappings), timezone, begin, end)
    found = [(fire.at, fire.object, changes_of(mappings[fire.object], fire)) for fire in fires if fire.object in wanted]
    if as_json:
        context.out.document({"fires": [{"at": at, "object": name, "on": on} for at, name, on in found]})
    else:
        context.out.table(("at", "object", "on"), found)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is no ISO time, such as 2026-11-24T00:00 or 2026-11-24T00:00+01:00"
        raise typer.BadParameter(message, param_hint="--from") from error


def changes_of(mapping: MappingSpec, fire: Fire) -> list[str]:
    """Name the changes that a fire sends."""
    taken = {change for index in fire.operations for change in mapping.entries[index].on}
    return [str(change) for change in Change if change in taken]
