"""The words and options that many commands take, and what a shell completes them with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.mapping.load import PROJECT, load
from engine.values import OneSyncError


def object_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of an object by the files of the project; they need not be right."""
    folder: Path = ctx.find_root().params["project"]
    return sorted(each.stem for each in folder.glob(f"{incomplete}*.yaml") if each.stem != PROJECT)


def tag_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete a tag by those of the objects; none while a file of the project is wrong."""
    try:
        loaded = load(ctx.find_root().params["project"])
    except OneSyncError:
        return []
    return sorted({tag for each in loaded.mappings.values() for tag in each.tags if tag.startswith(incomplete)})


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Objects = Annotated[
    list[str] | None,
    typer.Argument(metavar="OBJECT", help="Names of objects; without one all.", autocompletion=object_names),
]
Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        metavar="TAG",
        help="Only objects with this tag, and those that are named; may be repeated.",
        autocompletion=tag_names,
    ),
]
OneObject = Annotated[str, typer.Argument(metavar="OBJECT", help="The object.", autocompletion=object_names)]
AnyObject = Annotated[
    str | None, typer.Argument(metavar="[OBJECT]", help="Only this object.", autocompletion=object_names)
]
KeyWords = Annotated[
    list[str], typer.Argument(metavar="KEY...", help="The key's values in order, as separate words; `--` before a -.")
]
