"""`snapshot`: the requests of all samples, compared with those that are kept in files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from engine.cli.arguments import AsJson, Objects
from engine.cli.context import Context, examples, of
from engine.inspect import Compared, Difference, Gap, compare, folder_of, gaps
from engine.values import ConfigError

SHOWN = 200  # characters of a value; the JSON has all

commands = typer.Typer(rich_markup_mode=None)


@commands.command("snapshot", epilog=examples("snapshot", "snapshot clients --update", "snapshot --coverage"))
def _snapshot(
    ctx: typer.Context,
    objects: Objects = None,
    update: Annotated[bool, typer.Option("--update", help="Write the files anew.")] = False,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="List what of the mappings no sample exercises; exit 1 if there is any.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare the requests of the mappings' samples with snapshots/. Exit 0 if all are equal, 1 if not.

    The files lie in `snapshots/` beside project.yaml, those of the shipped mappings are shipped with them.
    Nothing is read but the project and the files: no database, no platform, no variable is needed.
    """
    context = of(ctx)
    if coverage and update:
        raise ConfigError("--coverage writes nothing: leave out --update", code="E_USAGE")
    failed = _cover(context, objects or [], as_json) if coverage else _compare(context, objects or [], update, as_json)
    raise typer.Exit(int(failed))


# --- comparing -------------------------------------------------------------------------------------------


def _compare(context: Context, names: Sequence[str], update: bool, as_json: bool) -> bool:
    """Compare, show and, where asked, update; tells whether something differs and stays so."""
    context.app.loaded.require(names)
    found = compare(context.app.loaded, folder_of(context.project), names)
    different = [each for each in found if not each.is_equal]
    for each in different if update else ():
        each.update()
    if as_json:
        context.out.document({"objects": [_document(each, update) for each in found]})
    else:
        for line in _lines(found, update):
            context.out.line(line)
        if bare := _without_samples(context, names):
            context.out.line(f"without samples: {', '.join(bare)}")
    return bool(different) and not update


def _document(each: Compared, update: bool) -> dict[str, Any]:
    differences = [{"path": path, "old": old, "new": new} for path, old, new in each.differences()]
    return {
        "object": each.object,
        "file": str(each.path),
        "equal": each.is_equal,
        "updated": update and not each.is_equal,
        "differences": differences,  # values as JSON text; null: not there
    }


def _lines(found: Sequence[Compared], update: bool) -> Iterator[str]:
    different = [each for each in found if not each.is_equal]
    for each in different:
        yield f"{each.object}: {_headline(each)}"
        yield from (f"  {_line(difference)}" for difference in each.differences() if each.old and each.new)
    count = f"{len(found)} snapshot{'' if len(found) == 1 else 's'}"
    if not different:
        yield f"{count}: all equal" if found else "no mapping has samples"
    elif update:
        yield f"{count}: {len(different)} written, {len(found) - len(different)} as before"
    else:
        differ = f"{len(different)} differ{'s' if len(different) == 1 else ''}"
        yield f"{count}: {differ}; if that is meant: one-sync snapshot --update"


def _headline(each: Compared) -> str:
    path = os.path.relpath(each.path)
    if each.old is None:
        return f"not in {path} yet"
    if each.new is None:
        return f"{path} is of no samples any more"
    count = len(each.differences())
    if not count:
        return f"only the order or the layout of {path} differs"
    return f"{count} field{'' if count == 1 else 's'} of {path} differ{'s' if count == 1 else ''}"


def _line(difference: Difference) -> str:
    old, new = (_clipped(each) for each in (difference.old, difference.new))
    if old is None:
        return f"{difference.path}: new: {new}"
    return f"{difference.path}: {old} -> {'gone' if new is None else new}"


def _clipped(text: str | None) -> str | None:
    return text if text is None or len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _without_samples(context: Context, names: Sequence[str]) -> list[str]:
    mappings = context.app.loaded.mappings
    return [name for name in names or mappings if not mappings[name].samples]


# --- coverage --------------------------------------------------------------------------------------------


def _cover(context: Context, names: Sequence[str], as_json: bool) -> bool:
    """List what no sample exercises; tells whether there is any."""
    loaded = context.app.loaded
    loaded.require(names)
    mappings = loaded.select(names or list(loaded.mappings), drafts=True)
    found = [gap for mapping in mappings for gap in gaps(loaded, mapping)]
    if as_json:
        context.out.document({"gaps": [_gap(each) for each in found]})
        return bool(found)
    for gap in found:
        context.out.line(str(gap))
    checked = f"{len(mappings)} mapping{'' if len(mappings) == 1 else 's'} checked"
    context.out.line(f"{checked}: {f'{len(found)} not exercised' if found else 'the samples exercise everything'}")
    return bool(found)


def _gap(gap: Gap) -> dict[str, Any]:
    place = {"file": gap.place.file, "line": gap.place.line, "column": gap.place.column}
    return {"object": gap.object, **place, "path": gap.path, "missing": gap.missing}
