"""`demo`: the main job on an ERP and a platform of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.arguments import AsJson
from engine.cli.commands.run import run_shown, show_results
from engine.cli.context import PROGRAM, Context, examples, of
from engine.cli.interrupt import Interrupts
from engine.connections import HttpConnection
from engine.demo import ANSWERS, ORDERS, PLANTED, Planted, Stage, stage
from engine.mapping import MappingSpec
from engine.run import App, new_run_id
from engine.schedule import overall
from engine.state.journal import Rejection
from engine.values import ObjectResult, shipped

_CHECKOUT = shipped.checkout()
FOLDER = _CHECKOUT / ".one-sync" / "demo" if _CHECKOUT else Path("one-sync-demo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One pass over all objects."""

    run_id: str
    results: Sequence[ObjectResult]

    @property
    def sent(self) -> int:
        """Count the records that were sent, whatever became of them, and the requests."""
        return sum(each.counts.requests + each.counts.confirmed + each.counts.failed for each in self.results)


commands = typer.Typer(rich_markup_mode=None)


@commands.command("demo", epilog=examples("demo", "demo --products 100000", "demo --json"))
def _demo(
    ctx: typer.Context,
    products: Annotated[int, typer.Option(min=10, metavar="N", help="Products of the ERP.")] = 1000,
    customers: Annotated[int, typer.Option(min=10, metavar="N", help="Customers of the ERP.")] = 200,
    folder: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Where to put it all.",
            show_default=".one-sync/demo of the checkout" if _CHECKOUT else str(FOLDER),
        ),
    ] = FOLDER,
    as_json: AsJson = False,
) -> None:
    """Show the whole job: a seeded ERP (SQLite) and a stand-in for ONe, all shipped mappings, both directions.

    Nothing is needed and nothing outside of its folder is touched; each start begins anew. In the first pass clients of
    ONe place orders, and the ERP answers them. A second pass shows that nothing is sent when nothing has changed. Some
    records are faulty on purpose and are refused by name.
    """
    context = of(ctx)
    with stage(shipped.mappings(), folder, products=products, customers=customers) as set_up:
        raise typer.Exit(_play(context, set_up, as_json=as_json))


def _play(context: Context, set_up: Stage, *, as_json: bool) -> int:
    context.project, context.variables = set_up.folder, set_up.variables
    app = context.app
    _lift_rate_limits(app)
    with Interrupts(app.stop, context.quiet_log) as interrupts:
        first, planted = interrupts.wait_for(lambda: _first_pass(context, set_up))
        second = interrupts.wait_for(lambda: _second_pass(context))
    if interrupts.exit is not None:
        return interrupts.exit
    with app.journal() as journal:
        refused = journal.rejections.of(None)
    faults = _surprises(first, second, refused, planted)
    if as_json:
        _show_json(context, first, second, refused, faults)
    else:
        _show(context, first, second, refused, faults)
    return 1 if faults else 0


def _lift_rate_limits(app: App) -> None:
    """Let the stand-in on this machine be asked as fast as it answers; the copied project.yaml keeps its limit."""
    project = app.loaded.project
    connections = {
        name: replace(each, rate_limit=None) if isinstance(each, HttpConnection) else each
        for name, each in project.connections.items()
    }
    app.loaded = replace(app.loaded, project=replace(project, connections=connections))


def _first_pass(context: Context, set_up: Stage) -> tuple[Pass, Sequence[Planted]]:
    """Run each object once, at the moment when it has something to send; also gives what has to be refused.

    First what ONe knows from the ERP, then orders are placed and read, and processed orders are answered.
    """
    objects = context.app.loaded.select()
    run_id = _new_run_id(context)
    results = _run(context, [each for each in objects if each.object not in {ORDERS, *ANSWERS}], run_id)
    placed = set_up.place_orders()
    results += _run(context, [each for each in objects if each.object == ORDERS], run_id)
    processed = set_up.process_orders()
    results += _run(context, [each for each in objects if each.object in ANSWERS], run_id)
    return Pass(run_id=run_id, results=results), (*PLANTED, *placed, *processed)


def _second_pass(context: Context) -> Pass:
    run_id = _new_run_id(context)
    return Pass(run_id=run_id, results=_run(context, context.app.loaded.select(), run_id))


def _run(context: Context, objects: Sequence[MappingSpec], run_id: str) -> list[ObjectResult]:
    return run_shown(context, objects, run_id, in_log=context.verbose)


def _new_run_id(context: Context) -> str:
    return new_run_id(context.app.clock())


def _surprises(first: Pass, second: Pass, refused: Sequence[Rejection], expected: Sequence[Planted]) -> list[str]:
    """Say what did not go as it should; only then the demonstration fails."""
    shipped = {each.object for each in first.results}
    planted = {(each.object, each.key) for each in expected if each.object in shipped}
    found = {(each.object, each.key) for each in refused}
    results = [*first.results, *second.results]
    return [
        *(f"{each.object} failed: {each.failure.message}" for each in results if each.failure),
        *(f"{each.object} sent nothing" for each in first.results if not each.counts.confirmed),
        *(f"{name} {key} was refused and should not be" for name, key in sorted(found - planted, key=str)),
        *(f"{name} {key} should be refused and was not" for name, key in sorted(planted - found, key=str)),
        *(["the second pass sent something"] if second.sent else []),
    ]


def _show(context: Context, first: Pass, second: Pass, refused: Sequence[Rejection], faults: Sequence[str]) -> None:
    out = context.out
    inbound = [each.object for each in context.app.loaded.select() if each.direction == "inbound"]
    out.line(f"First pass: everything is new. {' and '.join(inbound)} come from ONe, the other objects go there.")
    show_results(context, first.run_id, first.results, as_json=False)
    out.line()
    out.line("Refused, as planted; everything else has arrived:")
    rows = [(each.object, each.key, each.refusal.stage, each.refusal.field, each.refusal.reason) for each in refused]
    out.table(("object", "key", "stage", "field", "reason"), rows)
    out.line()
    unchanged = sum(each.counts.unchanged for each in second.results)
    if not second.sent:
        out.line(f"Second pass: nothing has changed, nothing is sent ({unchanged} records are unchanged).")
    else:
        show_results(context, second.run_id, second.results, as_json=False)
    for fault in faults:
        out.line(f"not as planned: {fault}")
    out.line()
    _show_next(context)


def _show_next(context: Context) -> None:
    folder, here = context.project, Path.cwd()
    typed = folder.relative_to(here) if folder.is_relative_to(here) else folder
    out = context.out
    out.line(f"Project, ERP and state are in {typed}; the stand-in for ONe ended with this command. Try next:")
    for words in ("status", "rejected list", "why stocks W1 A-000001", "requests clients"):
        out.line(f"  {PROGRAM} --project {typed} {words}")


def _show_json(
    context: Context, first: Pass, second: Pass, refused: Sequence[Rejection], faults: Sequence[str]
) -> None:
    passes = [
        {
            "run_id": each.run_id,
            "status": overall(each.results),
            "objects": [result.as_json() for result in each.results],
        }
        for each in (first, second)
    ]
    named = [
        {
            "object": each.object,
            "key": each.key,
            "stage": each.refusal.stage,
            "field": each.refusal.field,
            "reason": each.refusal.reason,
        }
        for each in refused
    ]
    context.out.document(
        {"folder": str(context.project), "passes": passes, "rejected": named, "not_as_planned": list(faults)}
    )
