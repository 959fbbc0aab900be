"""`run`: the scheduler in the foreground, or one pass over objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated

import typer

from engine.cli.arguments import AsJson, Objects, Tags
from engine.cli.context import Context, examples, of
from engine.cli.interrupt import Interrupts
from engine.cli.progress import progress
from engine.mapping import MappingSpec, is_feed
from engine.run import new_run_id, require_variables
from engine.schedule import Follower, Service, blocked, exit_code, log_request, overall, run_once
from engine.state.journal import Request
from engine.values import Change, ObjectResult

COUNTS = (
    "extracted",
    "unchanged",
    "added",
    "changed",
    "removed",
    "confirmed",
    "rejected",
    "waiting",
    "unknown",
    "withheld",
    "failed",
    "requests",
)
ALWAYS = ("extracted", "confirmed", "requests")  # people see the other counts where there are any

commands = typer.Typer(rich_markup_mode=None)


@commands.command("run", epilog=examples("run --once", "run --once stocks --allow-removed 50", "run"))
def _run(
    ctx: typer.Context,
    objects: Objects = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="One pass now, whatever the schedule says.")] = False,
    tags: Tags = None,
    allow_added: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Let up to N new records pass the guards this once.")
    ] = None,
    allow_changed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Let up to N changed records pass the guards this once.")
    ] = None,
    allow_removed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Let up to N gone records pass the guards this once.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the scheduler until it is stopped; with --once one pass over objects, then exit.

    Without --once every object runs by its schedule, until SIGTERM or Ctrl-C: requests in flight end, state is
    written, exit 0. With --once the objects run one after another; those without a fault are not held up by the others.
    """
    context = of(ctx)
    given = {Change.ADDED: allow_added, Change.CHANGED: allow_changed, Change.REMOVED: allow_removed}
    allowed = {change: ceiling for change, ceiling in given.items() if ceiling is not None}
    if not once:
        if objects or tags or allowed or as_json:
            raise typer.BadParameter(f"objects, --tag, {_options(given)} and --json go with --once")
        _serve(context)
        return
    if allowed and (tags or len(set(objects or ())) != 1):
        raise typer.BadParameter(f"{_options(allowed)} N goes with one object by name: N is a ceiling for its records")
    raise typer.Exit(_once(context, objects or [], tags or [], allowed, as_json=as_json))


def _options(changes: Iterable[Change]) -> str:
    return ", ".join(f"--allow-{change}" for change in changes)


def _serve(context: Context) -> None:
    service = Service(context.app, context.log)
    with Interrupts(context.app.stop, context.log):
        service.serve()


def _once(
    context: Context, names: Sequence[str], tags: Sequence[str], allowed: Mapping[Change, int], *, as_json: bool
) -> int:
    """Run the objects, print what became of them, and give the exit code."""
    app, log = context.app, context.quiet_log
    mappings = app.loaded.select(names, tags)
    if allowed and is_feed(mappings[0]):
        raise typer.BadParameter(
            f"{names[0]} reads a feed, which names its changes itself: no guard holds them, run it without "
            f"{_options(allowed)}"
        )
    require_variables(app, mappings)
    run_id = new_run_id(app.clock())
    with Interrupts(app.stop, log) as interrupts:
        results = interrupts.wait_for(lambda: run_shown(context, mappings, run_id, allowed))
    if not names and not tags:
        results = [*results, *blocked(app, run_id)]
    show_results(context, run_id, results, as_json=as_json)
    if context.out.is_terminal and not as_json:
        for hint in _hints(results):
            context.out.line(hint)
    return interrupts.exit or int(exit_code(results))


def run_shown(
    context: Context,
    mappings: Sequence[MappingSpec],
    run_id: str,
    allowed: Mapping[Change, int] = MappingProxyType({}),
    *,
    in_log: bool = True,
) -> list[ObjectResult]:
    """Run objects with progress on a terminal and requests in the log."""
    app, log = context.app, context.quiet_log
    tell_log = log_request(log)

    def tell(request: Request) -> None:
        shown.request(request)
        if in_log:
            tell_log(request)

    results = []
    with progress(len(mappings)) as shown, Follower(app, tell) as follower:
        follower.follow(run_id)
        passing = run_once(app, mappings, run_id=run_id, allowed=allowed, log=log)
        for mapping in mappings:
            shown.begin(mapping.object)
            results.append(next(passing))
    return results


def show_results(context: Context, run_id: str, results: Sequence[ObjectResult], *, as_json: bool) -> None:
    """Print the answer of a pass."""
    out = context.out
    if as_json:
        objects = [result.as_json() for result in results]
        out.document({"run_id": run_id, "status": overall(results), "objects": objects})
        return
    counted = {name: [getattr(result.counts, name) for result in results] for name in COUNTS}
    shown = [name for name in COUNTS if not out.is_terminal or name in ALWAYS or any(counted[name])]
    rows = [
        (
            result.object,
            result.status,
            *(getattr(result.counts, name) for name in shown),
            round(result.duration_seconds, 3),
            *(() if out.is_terminal else (result.failure.message if result.failure else None,)),
        )
        for result in results
    ]
    out.table(("object", "status", *shown, "seconds", *(() if out.is_terminal else ("error",))), rows)


def _hints(results: Sequence[ObjectResult]) -> list[str]:
    """Say what to do next about what is left."""
    hints = {
        "rejected": "`one-sync rejected list` names them and says why",
        "unknown": "`one-sync unknown list` names them; look at the platform, then `one-sync unknown resolve`",
        "withheld": "`one-sync plan` says why; `run --once OBJECT --allow-removed N` (or added, changed) lets them go",
    }
    told = [
        f"{result.object}: `--allow-removed` lets none go that {result.unproven} does not know: correct `path`, or"
        " say by `on_status: {404: confirm}` (or 410) that the answer is right"
        for result in results
        if result.unproven
    ]
    sums = {name: sum(getattr(result.counts, name) for result in results) for name in hints}
    return [*(f"{sums[name]} {name}: {hint}" for name, hint in hints.items() if sums[name]), *told]
