"""`why`: one record, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from engine.cli.arguments import AsJson, KeyWords, OneObject
from engine.cli.commands.plan import shown
from engine.cli.context import examples, of
from engine.inspect import Answer, why
from engine.run import require_variables
from engine.values import Exit, SourceError

_HELP = """Say what became of one record: is it in the source, what is known of it, what happens next.

The source is read whole and state is copied; nothing is sent or written. While a run holds the object the journal
answers, after 30 s, and says so; where the source does not answer, the ledger does, with exit 6. A key that nobody
knows is an answer too: exit 0, state not_in_source.

\b
States:
{states}
"""

commands = typer.Typer(rich_markup_mode=None)


def states() -> Iterator[str]:
    """Explain every state, a line each (`inspect.why.State`)."""
    yield "  unchanged      the target confirmed what the source says now"
    yield "  to_send        the next run sends it; `change` says as what"
    yield "  uncertain      sent, the answer not learnt: the next run sends it again"
    yield "  rejected       refused for its data: `reason` says why, `stage` where"
    yield "  waiting        a record that it refers to is not confirmed yet"
    yield "  unknown        its create left, and the outcome was never learnt"
    yield "  withheld       a guard holds back its removal, or a create under a rewritten key"
    yield "  unhandled      it changed or went, and no entry of `send` takes that"
    yield "  not_in_source  the query does not give it, and nothing is to be sent"
    yield "  confirmed      confirmed before; the source could not be asked"
    yield "  running        a run works on the object; nothing is known against it"


@commands.command(
    "why",
    help=_HELP.format(states="\n".join(states())),
    epilog=examples("why clients 4711", "why stocks W1 A-000001", "why stocks W1 A-000001 --json"),
)
def _why(
    ctx: typer.Context,
    object_: OneObject,
    key: KeyWords,
    as_json: AsJson = False,
) -> None:
    context = of(ctx)
    mappings = context.app.loaded.select([object_], drafts=True)
    require_variables(context.app, mappings)
    answer = why(context.app, mappings[0], key)
    if as_json:
        context.out.document(answer.as_json())
    else:
        for name, value in _lines(answer):
            context.out.line(f"{name:<15}{context.out.cell(value)}")
    if answer.failure:
        sentence = f"answered from the {answer.answered_from} alone: {answer.failure.message} ({answer.failure.code})"
        typer.echo(context.redact(sentence), err=True)
    raise typer.Exit(int(Exit.UNAVAILABLE if isinstance(answer.failure, SourceError) else Exit.DONE))


def _lines(answer: Answer) -> Iterator[tuple[str, Any]]:
    """Give what is known, a line each; what is not known is left out."""
    yield "record", (answer.object, *answer.key)
    yield "in the source", "not asked" if answer.in_source is None else answer.in_source
    yield "state", answer.state
    facts = {
        "change": answer.change,
        "stage": answer.stage,
        "field": answer.field,
        "status": answer.status,
        "reason": answer.reason,
        "since": answer.since,
    }
    yield from ((name, value) for name, value in facts.items() if value is not None)
    yield "confirmed", answer.confirmed_at or "never, as far as is known"
    for name, (old, new) in (answer.fields or {}).items():
        yield "", f"{name}: {shown(old)} -> {shown(new)}"
    if answer.saved:
        yield "saved", " ".join(f"{name}={value}" for name, value in answer.saved.items())
