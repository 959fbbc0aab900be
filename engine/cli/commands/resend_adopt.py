"""`resend`, `forget`, `adopt`: what an operator may do to an object's ledger."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from engine.cli.arguments import AsJson, KeyWords, OneObject, object_names
from engine.cli.commands.run import show_results
from engine.cli.context import Context, examples, of
from engine.operate import Next, accept_ends, adopt, forget, resend
from engine.run import exit_of, require_variables

Key = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY]...", help="One record: its key's values in order, as separate words."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; without a terminal nothing is asked anyway.")]

TAKEN = {  # how the next run takes a record, and what that means
    "changed": "as changed: what the target has is updated",
    "added": "as added: the target never confirmed them",
    "unknown": "once it is known whether the target has them (`one-sync unknown list`)",
    "rejected": "only when their payload differs: they stand rejected (`one-sync rejected retry`)",
}
NEXT: Mapping[Next, str] = {
    "looked up": "if the source gives it, the next run looks it up, and creates it where the target does not have it",
    "created": "if the source gives it, the next run creates it, whether the target has it or not",
    "added": "if the source gives it, the next run sends it as added",
    "event": "it comes again with its next event",
}

commands = typer.Typer(rich_markup_mode=None)


@commands.command("resend", epilog=examples("resend stocks W1 A-000001", "resend clients 4711", "resend stocks --yes"))
def _resend(ctx: typer.Context, object_: OneObject, key: Key = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Forget what was confirmed, so that the next run sends it again: one record, or all of an object.

    Nothing is sent now. Records are not created a second time: what has a binding goes as changed. A feed is read again
    from its beginning. A rejected record is tried again by `rejected retry`.
    """
    context = of(ctx)
    mapping = context.app.loaded.select([object_])[0]
    if not key and not yes:
        _confirm(f"The next run sends every record of {object_} again. Go on?")
    resent = resend(context.app, mapping, key or [])
    if as_json:
        taken = {name: resent.taken.get(name, 0) for name in TAKEN}
        context.out.document({"object": object_, "key": key or None, "resent": resent.count, **taken})
        return
    context.out.line(f"{_records(resent.count)} of {object_} will be sent again by the next run")
    for name, count in resent.taken.items():
        context.out.line(f"  {_records(count)} {TAKEN[name]}")


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"


@commands.command("forget", epilog=examples("forget clients 4711", "forget segments HURT --yes", "forget prices A B"))
def _forget(ctx: typer.Context, object_: OneObject, key: KeyWords, yes: Yes = False, as_json: AsJson = False) -> None:
    """Drop all that is known of one record, so that the next run takes it as a new one.

    For a record that was deleted at the target, or belongs to nothing there any more. Its binding, ledger row and
    refusal are dropped; nothing is sent now. If the source gives it, the next run asks the entry's `lookup` for it and
    creates it where that finds none; without a `lookup` it is created, so make sure first that the target does not have
    it. If the source does not give it, nothing more is sent of it: at the target it stays as it is.
    """
    context = of(ctx)
    mapping = context.app.loaded.select([object_], drafts=True)[0]
    if not yes:
        _confirm("What is known of the record is dropped; the next run takes it as a new one. Go on?")
    found, follows = forget(context.app, mapping, key)
    if as_json:
        context.out.document({"object": object_, "key": list(found), "next": follows.replace(" ", "_")})
        return
    context.out.line(f"{object_} {context.out.cell(found)} is forgotten; {NEXT[follows]}")


@commands.command("adopt", epilog=examples("adopt warehouses", "adopt stocks --yes", "adopt --same-target"))
def _adopt(
    ctx: typer.Context,
    object_: Annotated[
        str | None,
        typer.Argument(
            metavar="[OBJECT]", help="The object; may be left out with --same-target.", autocompletion=object_names
        ),
    ] = None,
    same_target: Annotated[
        bool,
        typer.Option(
            "--same-target",
            help="Only take a new address as that of the same platform or database; without OBJECT for all objects.",
        ),
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take what the source says now as confirmed, without sending it: for a target that holds it all already.

    Only what differs afterwards is sent. Records that are created with an id of the target's are asked for by the
    entry's `lookup`: those that are not found are left for the next run to create (`waiting`), those of an unclear
    answer stay `unknown`. Without a `lookup` such an object is refused. What left the source counts as removed.
    After a lost or restored journal (E_JOURNAL_BEHIND) this pairs it with the ledger again; records without a `lookup`
    whose ids went with the journal are `unknown` then, for you to resolve.

    With --same-target nothing is read and nothing counts as confirmed: after E_TARGET_CHANGED it says that the new
    address is the same platform or database, so that the ledger goes on to hold.

    Exit codes and JSON are those of `run --once`; `requests` counts look-ups.
    """
    context: Context = of(ctx)
    if same_target:
        _accept_ends(context, [object_] if object_ else [], yes=yes, as_json=as_json)
        return
    if object_ is None:
        raise typer.BadParameter("name an object; only with --same-target all are meant")
    mapping = context.app.loaded.select([object_])[0]
    require_variables(context.app, [mapping])
    if not yes:
        _confirm(f"Everything that the source says of {object_} will count as confirmed, unsent. Go on?")
    result = adopt(context.app, mapping)
    show_results(context, result.run_id, [result], as_json=as_json)
    if result.failure:
        typer.echo(context.redact(f"error: {result.failure.message} ({result.failure.code})"), err=True)
    for note in result.notes:
        typer.echo(context.redact(f"note: {note}"), err=True)
    raise typer.Exit(int(exit_of(result)))


def _accept_ends(context: Context, names: Sequence[str], *, yes: bool, as_json: bool) -> None:
    mappings = context.app.loaded.select(names)
    require_variables(context.app, mappings)
    if not yes:
        _confirm("What was confirmed at the old address will count as confirmed at the new one. Go on?")
    changed = accept_ends(context.app, mappings)
    if as_json:
        context.out.document({"accepted": changed})
    else:
        context.out.line(f"accepted for: {', '.join(changed)}" if changed else "no object's target has changed")


def _confirm(question: str) -> None:
    """Ask a person; without one at the keyboard the command itself is the word."""
    if sys.stdin.isatty():
        typer.confirm(question, abort=True, err=True)
