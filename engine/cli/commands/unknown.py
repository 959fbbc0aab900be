"""`unknown`: the creates whose outcome was never learnt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from engine.cli.arguments import AnyObject, AsJson, KeyWords, OneObject
from engine.cli.context import Context, examples, of
from engine.inspect import claim_reason
from engine.operate import resolve_confirmed, resolve_not_sent
from engine.state.journal import Claim, history
from engine.values import json_text

COLUMNS = ("object", "key", "reason", "claimed_at", "ended_at", "lookup")

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
commands = typer.Typer(rich_markup_mode=None)
commands.add_typer(
    group,
    name="unknown",
    help="The creates whose outcome was never learnt; they are never sent again blindly.",
    epilog=examples(
        "unknown list",
        "unknown resolve clients K-0007 --confirmed --save client_id=org:17",
        "unknown resolve clients K-0007 --not-sent",
    ),
)


@group.command(
    "list", short_help="List them.", epilog=examples("unknown list", "unknown list clients", "unknown list --json")
)
def _list(
    ctx: typer.Context,
    object_: AnyObject = None,
    as_json: AsJson = False,
) -> None:
    """List the records that may or may not exist at the target. Works during runs.

    Those of an object with a `lookup` are asked for by the next run. Look for the others at the target, then tell by
    `unknown resolve`.
    """
    context = of(ctx)
    documents = _documents(context, object_)
    if as_json:
        context.out.document({"unknown": documents})
    elif not documents and context.out.is_terminal:
        context.out.line("nothing is unknown")
    else:
        rows = [[each[name] for name in COLUMNS] for each in documents]
        context.out.table([name.replace("_", " ") for name in COLUMNS], rows)


def _documents(context: Context, object_: str | None) -> list[dict[str, Any]]:
    """Describe the claims; one that is under way in a run is not unknown yet."""
    app = context.app
    if object_ is not None:
        app.loaded.select([object_], drafts=True)
    documents = []
    with app.journal() as journal:
        for name in journal.claims.objects():
            if object_ not in (None, name):
                continue
            running = history.is_running(app.state, name)
            documents += [
                {
                    "object": name,
                    "key": list(claim.key),
                    "reason": claim_reason(claim),
                    "claimed_at": claim.claimed_at,
                    "ended_at": claim.ended_at,
                    "lookup": _has_lookup(context, name, claim),
                }
                for claim in journal.claims.of(name)
                if claim.ended_at or not running
            ]
    return documents


def _has_lookup(context: Context, object_: str, claim: Claim) -> bool:
    mapping = context.app.loaded.mappings.get(object_)
    entries = mapping.send if mapping else ()
    return claim.operation < len(entries) and entries[claim.operation].lookup is not None


@group.command(
    "resolve",
    short_help="Say what became of one.",
    epilog=examples(
        "unknown resolve clients K-0007 --confirmed --save client_id=org:17",
        "unknown resolve clients K-0007 --not-sent",
        "unknown resolve segments HURT --confirmed --save segment_id:=17 --json",
    ),
)
def _resolve(
    ctx: typer.Context,
    object_: OneObject,
    key: KeyWords,
    *,
    confirmed: Annotated[
        bool, typer.Option("--confirmed", help="The record exists at the target: it is changed, not created.")
    ] = False,
    not_sent: Annotated[
        bool, typer.Option("--not-sent", help="It does not exist at the target: the next run creates it.")
    ] = False,
    save: Annotated[
        list[str] | None,
        typer.Option(
            "--save", metavar="NAME=VALUE", help="With --confirmed: a value that the mapping saves; := takes JSON."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what became of a create whose outcome was never learnt, after you looked at the target.

    With --confirmed give every value that the mapping saves from the target's answer, such as its id: the record then
    goes as changed, since nobody knows what it holds there. Nothing is sent now. Exit 5 while a run holds the object.
    """
    if confirmed is not_sent:
        raise typer.BadParameter("say either --confirmed or --not-sent")
    if save and not_sent:
        raise typer.BadParameter("--save goes with --confirmed")
    context = of(ctx)
    mapping = context.app.loaded.select([object_], drafts=True)[0]
    if confirmed:
        found = resolve_confirmed(context.app, mapping, key, _values(save or []))
    else:
        found = resolve_not_sent(context.app, mapping, key)
    outcome = "confirmed" if confirmed else "not_sent"
    if as_json:
        context.out.document({"object": object_, "key": list(found), "resolved": outcome})
        return
    what = "as changed" if confirmed else "by creating it"
    context.out.line(f"{object_} {context.out.cell(found)}: the next run sends it {what}")


def _values(texts: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.removesuffix(":"):
            raise typer.BadParameter(f"--save {text}: write NAME=VALUE")
        try:
            values[name.removesuffix(":")] = json_text.decode(value) if name.endswith(":") else value
        except ValueError as error:
            raise typer.BadParameter(f"--save {text}: the value {error}") from error
    return values
