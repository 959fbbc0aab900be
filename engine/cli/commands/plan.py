"""`plan`: what a run would send now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from engine.cli.arguments import AsJson, Objects, Tags
from engine.cli.context import Context, examples, of
from engine.inspect import ObjectPlan, Sample, blocked_plans, exit_of, plan
from engine.run import require_variables
from engine.values import OneSyncError, Shown, spelled

COUNTS = ("extracted", "unchanged", "added", "changed", "removed", "rejected", "waiting", "unknown", "withheld")
SHOWN = 12  # fields of one sample that people see; the JSON has all

commands = typer.Typer(rich_markup_mode=None)


@commands.command("plan", epilog=examples("plan", "plan stocks --limit 20", "plan clients --json --detailed-exitcode"))
def _plan(
    ctx: typer.Context,
    objects: Objects = None,
    *,
    tags: Tags = None,
    limit: Annotated[
        int, typer.Option("--limit", min=0, metavar="N", help="Show at most N samples of each kind of change.")
    ] = 5,
    detailed: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit 0 with nothing to send, 1 on an error, 2 with changes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a run would send now: counts, requests, and samples field by field. Sends and writes nothing.

    The source is read as a run reads it; state is copied, and compared in the copy. `confirmed` counts what would be
    sent, as a run reports it when the target accepts everything. A record that waits for another object goes in the
    same `run --once` of all objects, once that other record is confirmed, and so it is not among the requests here.
    """
    context = of(ctx)
    try:
        plans = _plans(context, objects or [], tags or [], limit)
    except OneSyncError as error:
        if detailed:
            if as_json:
                context.out.failure(error)
            typer.echo(context.redact(f"error: {error.message} ({error.code})"), err=True)
            raise typer.Exit(1) from error
        raise
    if as_json:
        context.out.document({"objects": [plan.as_json() for plan in plans]})
    else:
        _print(context, plans)
    for each in plans:
        if each.failure:
            typer.echo(context.redact(f"error: {each.object}: {each.failure.message} ({each.failure.code})"), err=True)
    raise typer.Exit(int(exit_of(plans, detailed=detailed)))


def _plans(context: Context, names: Sequence[str], tags: Sequence[str], limit: int) -> list[ObjectPlan]:
    mappings = context.app.loaded.select(names, tags)
    require_variables(context.app, mappings)
    plans = [plan(context.app, mapping, samples=limit) for mapping in mappings]
    return plans if names or tags else [*plans, *blocked_plans(context.app)]


def _print(context: Context, plans: Sequence[ObjectPlan]) -> None:
    out = context.out
    counted = [name for name in COUNTS if not out.is_terminal or any(getattr(plan.counts, name) for plan in plans)]
    rows = [
        (plan.object, plan.title, *(getattr(plan.counts, name) for name in (*counted, "confirmed", "requests")))
        for plan in plans
    ]
    out.table(("object", "title", *counted, "to send", "requests"), rows, optional=["title"])
    for each in plans:
        lines = [*(line for sample in each.samples for line in _sample(each.object, sample)), *each.notes]
        if lines:
            out.line()
            out.line(f"{each.object}:")
        for line in lines:
            out.line(f"  {line}")


def _sample(object_: str, sample: Sample) -> Iterator[str]:
    key = spelled(sample.key)
    yield f"{sample.change} {key}" + (f" ({sample.reason})" if sample.reason else "")
    for name, (old, new) in list(sample.fields.items())[:SHOWN]:
        before = f"{shown(old)} -> " if sample.change == "changed" else ""
        yield f"    {name}: {before}{shown(new)}"
    if len(sample.fields) > SHOWN:
        yield f"    and {len(sample.fields) - SHOWN} more fields"


def shown(value: Shown) -> str:
    """Write a field's value for people."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else value or '""'
