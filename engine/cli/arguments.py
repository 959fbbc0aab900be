"""The words and options that many commands take, and what a shell completes them with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.mapping.load import PROJECT


def object_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of an object by the files of the project; they need not be right."""
    folder: Path = ctx.find_root().params["project"]
    return sorted(each.stem for each in folder.glob(f"{incomplete}*.yaml") if each.stem != PROJECT)


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Objects = Annotated[
    list[str] | None,
    typer.Argument(metavar="OBJECT", help="Names of objects; without one all.", autocompletion=object_names),
]
OneObject = Annotated[str, typer.Argument(metavar="OBJECT", help="The object.", autocompletion=object_names)]
AnyObject = Annotated[
    str | None, typer.Argument(metavar="[OBJECT]", help="Only this object.", autocompletion=object_names)
]
KeyWords = Annotated[
    list[str], typer.Argument(metavar="KEY...", help="The key's values in order, as separate words; `--` before a -.")
]
