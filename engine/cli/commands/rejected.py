"""`rejected`: the records that were refused for their data."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from unicodedata import normalize

import typer

from engine.cli.arguments import AnyObject, AsJson, KeyWords, OneObject
from engine.cli.context import Context, examples, of
from engine.mapping import spellings
from engine.operate import drop_rejected, retry_rejected
from engine.state.journal import Rejection
from engine.values import RunError, json_text

FORMULA = ("=", "+", "-", "\N{MINUS SIGN}", "@", "|", "%")
UNSEEN = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\0"))
COLUMNS = ("object", "key", "stage", "field", "status", "reason", "first_at", "last_at", "attempts")

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
commands = typer.Typer(rich_markup_mode=None)
commands.add_typer(
    group,
    name="rejected",
    help="The records that were refused for their data, by us or by the target.",
    epilog=examples("rejected list", "rejected show clients K-0003", "rejected retry stocks --all"),
)


@group.command(
    "list",
    short_help="List them, with stage and reason.",
    epilog=examples("rejected list", "rejected list stocks", "rejected list --json"),
)
def _list(ctx: typer.Context, object_: AnyObject = None, as_json: AsJson = False) -> None:
    """List the records that stand rejected, with stage and reason. Works during runs.

    A rejected record is not sent again until its payload or the mapping changes, its time-out ends, or you say
    `rejected retry`. Stages: key, render, schema, limit (refused here), target (refused by the platform).
    """
    context = of(ctx)
    documents = [_document(each) for each in _rejections(context, object_)]
    if as_json:
        context.out.document({"rejected": documents})
    elif not documents and context.out.is_terminal:
        context.out.line("nothing is rejected")
    else:
        context.out.table([name.replace("_", " ") for name in COLUMNS], [_row(each) for each in documents])


@group.command(
    "show",
    short_help="Show one with all that is kept of it.",
    epilog=examples(
        "rejected show clients K-0003", "rejected show stocks W1 A-000003", "rejected show clients K-0003 --json"
    ),
)
def _show(ctx: typer.Context, object_: OneObject, key: KeyWords, as_json: AsJson = False) -> None:
    """Show one rejected record with all that is kept of it: the template that failed, an inbound document."""
    context = of(ctx)
    context.app.loaded.select([object_], drafts=True)
    with context.app.journal() as journal:
        found = next(filter(None, (journal.rejections.get(object_, each) for each in spellings(key))), None)
    if found is None:
        name = " ".join((object_, *key))
        raise RunError(f"{name} is not rejected; see `one-sync why {name}`", code="E_NOT_REJECTED")
    facts = {
        **_document(found),
        "expression": found.refusal.expression,
        "retry": found.retry,
        "document": json_text.decode(found.document) if found.document else None,
    }
    if as_json:
        context.out.document(facts)
        return
    for name, value in facts.items():
        text = json_text.encode(value).decode() if name == "document" and value is not None else value
        context.out.line(f"{name.replace('_', ' '):<12}{context.out.cell(text)}")


@group.command(
    "retry",
    short_help="Let the next run try some again.",
    epilog=examples(
        "rejected retry clients K-0003", "rejected retry stocks W1 A-000003", "rejected retry stocks --all"
    ),
)
def _retry(
    ctx: typer.Context,
    object_: OneObject,
    key: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY]...", help="One record: its key's values in order.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All rejected records of the object.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let the next run try refused records again: one record, or --all of an object. Works during runs."""
    context = of(ctx)
    context.app.loaded.select([object_], drafts=True)
    if bool(key) is everything:
        raise typer.BadParameter("name one record by its key, or all of them by --all")
    count = retry_rejected(context.app, object_, None if everything else key)
    if as_json:
        context.out.document({"object": object_, "key": key or None, "retried": count})
    else:
        records = "1 record" if count == 1 else f"{count} records"
        context.out.line(f"{records} of {object_} will be tried again by the next run")


@group.command(
    "drop",
    short_help="Give an item of a feed up.",
    epilog=examples(
        "rejected drop orders S-0007", "rejected drop clients_inbound K-3", "rejected drop orders S-1 --json"
    ),
)
def _drop(ctx: typer.Context, object_: OneObject, key: KeyWords, as_json: AsJson = False) -> None:
    """Give up an item of a feed that will never go, such as one whose document is 404 for ever.

    Dropped are its refusal and what was kept of it, the item or the document; look at it by `rejected show` before.
    Nothing counts as confirmed by that: the ledger and the database keep what they held of the record, which may be
    nothing. It comes back with its next event, and by `resend`, which reads the feed from its beginning.

    Only for feeds: another source gives the record again, and it is tried when it changes. Exit 5 during a run.
    """
    context = of(ctx)
    mapping = context.app.loaded.select([object_], drafts=True)[0]
    dropped = drop_rejected(context.app, mapping, key)
    if as_json:
        context.out.document({"object": object_, "key": list(dropped.key), "dropped": 1})
    else:
        context.out.line(f"{object_} {context.out.cell(dropped.key)} is dropped; it comes again with its next event")


@group.command(
    "export",
    short_help="Write them as CSV or JSON.",
    epilog=examples(
        "rejected export > rejected.csv", "rejected export stocks", "rejected export --format json > rejected.json"
    ),
)
def _export(
    ctx: typer.Context,
    object_: AnyObject = None,
    form: Annotated[Literal["csv", "json"], typer.Option("--format", help="What is written.")] = "csv",
) -> None:
    """Write all rejected records to stdout, for a spreadsheet or a program."""
    context = of(ctx)
    documents = [_document(each) for each in _rejections(context, object_)]
    if form == "json":
        context.out.document({"rejected": documents})
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_csv(context, each[name]) for name in COLUMNS] for each in documents)
    print(text.getvalue(), end="", file=context.out.stream)


def _csv(context: Context, value: Any) -> str:
    """Write a cell: nothing for null."""
    return "" if value is None else no_formula(context.out.cell(value))


def no_formula(text: str) -> str:
    """Put a quote in front of what a spreadsheet would take for a formula."""
    begins = normalize("NFKC", text).translate(UNSEEN).lstrip()  # blanks, and the wide forms of Asian keyboards
    return f"'{text}" if begins.startswith(FORMULA) or text.startswith(("\t", "\r", "\n")) else text


def _rejections(context: Context, object_: str | None) -> Sequence[Rejection]:
    if object_ is not None:
        context.app.loaded.select([object_], drafts=True)
    with context.app.journal() as journal:
        return journal.rejections.of(object_)


def _document(rejection: Rejection) -> dict[str, Any]:
    refusal = rejection.refusal
    return {
        "object": rejection.object,
        "key": list(rejection.key),
        "stage": refusal.stage,
        "field": refusal.field,
        "status": refusal.status,
        "reason": refusal.reason,
        "first_at": rejection.first_at,
        "last_at": rejection.last_at,
        "attempts": rejection.attempts,
    }


def _row(document: Mapping[str, Any]) -> list[Any]:
    return [document[name] for name in COLUMNS]
