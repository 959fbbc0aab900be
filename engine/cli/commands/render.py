"""`render`: the exact requests for the current changes, or for the samples of the mapping."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from engine.cli.arguments import AsJson, OneObject
from engine.cli.context import Context, examples, of
from engine.inspect import document_of, preview
from engine.run import require_variables
from engine.values import json_text, spelled

SCHEMA_VERSION = 1

commands = typer.Typer(rich_markup_mode=None)


@commands.command(
    "render", epilog=examples("render stocks --limit 1", "render clients --json", "render clients_inbound --samples")
)
def _render(
    ctx: typer.Context,
    object_: OneObject,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, metavar="N", help="At most N requests.", show_default="all of them"),
    ] = None,
    samples: Annotated[
        bool, typer.Option("--samples", help="Those of the mapping's samples; reads no database, needs no variable.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the requests that a run would begin with, exactly as they would leave. Sends and writes nothing.

    Method, path, query, headers and body; the connection's own headers are left out, as they are secrets. For an
    inbound object: the tables and rows. A create of unknown outcome shows its look-up, an operation of several steps
    its first one, as the others need what that one saves; samples have the answers, and so all requests.
    """
    context = of(ctx)
    found = _of_samples(context, object_) if samples else _found(context, object_)
    first = list(islice(found, 1))  # what fails, fails before anything was printed
    requests = islice(chain(first, found), limit)
    for text in _json(object_, requests) if as_json else _text(requests):
        context.out.raw(text)
        if not context.out.is_read:
            break


def _found(context: Context, name: str) -> Iterator[dict[str, Any]]:
    mappings = context.app.loaded.select([name], drafts=True)
    require_variables(context.app, mappings)
    return preview(context.app, mappings[0])


def _of_samples(context: Context, name: str) -> Iterator[dict[str, Any]]:
    """Yield the requests of the samples, in the form of those of a run, each with the names of its samples."""
    [mapping] = context.app.loaded.select([name], drafts=True)
    document = document_of(context.app.loaded, mapping)
    for story in document["samples"]:
        facts = {"samples": [story["name"]], "key": story.get("key", []), "change": story["change"]}
        yield from ({**facts, **_whole(request)} for request in [*_fetches(story), *story.get("requests", ())])
        if "refused" in story:
            yield {**facts, "refused": story["refused"]["reason"], "field": story["refused"].get("field")}
        yield from ({**facts, name: story[name]} for name in ("waiting", "writes") if name in story)
    yield from (_whole(request) for request in document.get("requests", ()))


def _fetches(story: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [story["fetch"]] if "fetch" in story else []


def _whole(request: Mapping[str, Any]) -> dict[str, Any]:
    """Give a request what a snapshot leaves out where it is empty, and its body as it leaves."""
    body = json_text.raw(json_text.encode(request["body"])) if "body" in request else None
    kept = {name: value for name, value in request.items() if name != "body"}
    return {**kept, "query": request.get("query", {}), "headers": request.get("headers", {}), "body": body}


def _json(object_: str, requests: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Write one document piece by piece, one request a line, as there may be more than memory holds."""
    yield f'{{"schema_version": {SCHEMA_VERSION}, "object": {json.dumps(object_)}, "requests": ['
    previous = None
    for each in requests:
        if previous is not None:
            yield f"{previous},"
        previous = json_text.encode(each).decode()
    if previous is not None:
        yield previous
    yield "]}"


def _text(requests: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    count = 0
    for count, each in enumerate(requests, start=1):  # noqa: B007  counted for the last line
        yield from _any(each)
        yield ""
    if not count:
        yield "nothing to send"


def _any(each: Mapping[str, Any]) -> Iterator[str]:
    if "refused" in each:
        return _refused(each)
    if "waiting" in each:
        return iter([f"waits for {', '.join(each['waiting'])}: {', '.join(each['samples'])}"])
    return _writes(each) if "writes" in each else _request(each)


def _what(each: Mapping[str, Any]) -> str:
    """Name what a request is of: samples by their names, records by key or number."""
    names = ", ".join(each.get("samples", ())) or _key(each) or f"{each['records']} records"
    return f"look up {names}" if each.get("look_up") else names


def _key(each: Mapping[str, Any]) -> str:
    return spelled(tuple(each.get("key", ())))


def _refused(each: Mapping[str, Any]) -> Iterator[str]:
    where = f" ({each['field']})" if each["field"] else ""
    named = ", ".join(each.get("samples", ())) or _key(each) or "the whole request"
    yield f"refused {named}: {each['refused']}{where}"


def _request(each: Mapping[str, Any]) -> Iterator[str]:
    query = urlencode(each["query"], doseq=True)
    yield f"# {_what(each)}"
    yield f"{each['method']} {each.get('path') or each.get('url')}{'?' if query else ''}{query}"
    for name, value in each["headers"].items():
        yield f"{name}: {value}"
    if each["body"] is not None:
        yield bytes(each["body"]).decode()
    if "content" in each.get("file", {}):
        yield f"({each['file']['name']}: {each['file']['content']})"
    elif "file" in each:
        yield f"(the content of {each['file']['path'] or 'a column'}, SHA-256 {each['file']['sha256']})"


def _writes(each: Mapping[str, Any]) -> Iterator[str]:
    yield f"# {each['change']} {', '.join(each.get('samples', ())) or _key(each)}"
    for write in each["writes"]:
        if "sql" in write:
            yield f"{write['sql'].strip()} {json_text.encode(write['params']).decode()}"
            continue
        for row in write["rows"]:
            key, fields = json_text.encode(row["key"]).decode(), json_text.encode(row["fields"]).decode()
            yield f"{write['table']} {key} {fields}"
        if "delete_orphans_of" in write:
            scope = json_text.encode(write["delete_orphans_of"]).decode()
            yield f"{write['table']}: other rows of {scope} are deleted"
