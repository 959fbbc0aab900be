"""`carry`: what is known of an object or of its records goes with a new name, or with new keys."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from engine.cli.arguments import AsJson
from engine.cli.context import examples, of
from engine.operate import Carried, carry_keys, carry_name
from engine.run import require_variables

commands = typer.Typer(rich_markup_mode=None)


@commands.command(
    "carry",
    epilog=examples(
        "carry clients customers",
        "carry clients --key id",
        "carry prices --key old_list --key sku",
    ),
)
def _carry(
    ctx: typer.Context,
    object_: Annotated[
        str, typer.Argument(metavar="OBJECT", help="The object; with NEW its name of before.", show_default=False)
    ],
    new: Annotated[str | None, typer.Argument(metavar="[NEW]", help="The name that the object has now.")] = None,
    *,
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="COLUMN",
            help="A column of the source that holds the old key; for a key of several columns once each, in its order.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be carried over.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask; without a terminal nothing is asked anyway.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Carry over what is known of an object to its new name, or of its records to their new keys.

    With NEW: the file and its `object` were renamed. Ledger, bindings, refusals, cursor and history go with the name,
    so that nothing is created a second time. The old name must be no object of the project any more, and the new one
    must have confirmed nothing.

    With --key: the query gives its records other keys than before. Name the columns that hold the old key; where none
    does, let the query give it as one more column; keys that only lost the blanks of a CHAR are found by the columns of
    the key itself. The source is read, nothing is sent. Records that the source does
    not give stay known under their old keys.

    Nothing is sent. Exit 5 while a run holds the object. Killed half-way, the same command finishes it.
    """
    if new is None and not key:
        raise typer.BadParameter("name the new name of the object, or with --key the columns of the old key, or both")
    context = of(ctx)
    [mapping] = context.app.loaded.select([new or object_], drafts=True)
    require_variables(context.app, [mapping])
    if not (yes or dry_run) and sys.stdin.isatty():
        typer.confirm(f"What is known of {object_} will be carried over. Go on?", abort=True, err=True)
    if new and key and dry_run:
        raise typer.BadParameter("--dry-run shows one step: leave --key out, or carry the name first")
    named = carry_name(context.app, object_, mapping, dry=dry_run) if new else None
    keyed = carry_keys(context.app, mapping, key, dry=dry_run) if key else None
    last = keyed or named
    assert last is not None  # noqa: S101  one of the two was asked for
    if as_json:
        document = {"object": mapping.object, "from": object_, "key": key or None}
        context.out.document({**document, "carried": last.records, "left": last.left, "dry_run": dry_run})
        return
    context.out.line(_told(mapping.object, object_ if new else None, last, dry=dry_run))


def _told(object_: str, old: str | None, carried: Carried, *, dry: bool) -> str:
    records = "1 record" if carried.records == 1 else f"{carried.records} records"
    would = "would be" if dry else "are" if carried.records != 1 else "is"
    if carried.example is None:
        return f"{records} of {old} {would} known as {object_}; the next run creates none of them"
    left = f"; {carried.left} that the source does not give stay as they are" if carried.left else ""
    return f"{records} of {object_} {would} known by other keys, as {' now '.join(carried.example)}{left}"
