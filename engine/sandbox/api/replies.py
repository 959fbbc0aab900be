"""What a room of the stand-in is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from engine.sandbox.store.store import Store
from engine.values import Json

MAX_LINES = 10_000  # one-api.md 1 recommends it as the most; refusing more is our choice
MAX_PROBLEMS = 100

Problem: TypeAlias = dict[str, str]  # path inside the body ("$" is all of it, "?name" a query parameter) and message


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a tenant of the stand-in is configured with."""

    api_key: str | None = None  # None: any key that is not empty
    tenant: str | None = None  # None: any name that is not empty
    seed: int = 0  # of the ids that the stand-in gives
    known_skus: frozenset[str] | None = None  # None: every SKU is a product
    feed_page: int = 100  # most events of one answer of a client feed; assumed, no limit is documented
    orders_service: str = "orders"  # in the paths of all order calls; prose and S0 have "account" (one-api.md 4, C1)
    order_statuses: frozenset[str] | None = None  # the tenant's status codes; None: every code is known
    echo_orders: bool = False  # whether what the ERP writes to a shipment comes back as an event; not documented
    blockades: Mapping[str, str] = field(
        default_factory=lambda: {
            "OVERDUE-30": "TRADE_CREDIT",
            "OVERDUE-60": "SALE",
            "CLOSED": "CLIENT",
        }
    )  # externalId -> type of the blockades configured in ONe (one-api.md 2.7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that passed the checks at the door."""

    store: Store
    settings: Settings
    parameters: Mapping[str, str]  # of the path, decoded
    query: Mapping[str, tuple[str, ...]]
    headers: Mapping[str, str]  # names in lower case
    body: Json
    content: bytes  # the body as it came, for a call whose body is no JSON
    refused_skus: frozenset[str] = frozenset()  # by a fault
    per_line: bool = False  # a fault asks for an answer with a result for each line


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer; the success codes are assumed, none is documented (one-api.md 1)."""

    status: int = 200
    body: Json = None  # None: no body
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """The request is refused and has changed nothing; the form of the answer is assumed (one-api.md 1)."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        problems: Iterable[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.problems = list(problems)
        self.reply = Reply(status=status, body=self._document(status, message), headers=headers or {})

    def _document(self, status: int, message: str) -> Json:
        shown = self.problems[:MAX_PROBLEMS]
        return {"status": status, "message": message, "problems": shown, "problemCount": len(self.problems)}


def problem(path: str, message: str) -> Problem:
    """Name one fault of a request."""
    return {"path": path, "message": message}


def whole_number(call: Call, name: str) -> int:
    """Read a required query parameter of 1 or more."""
    texts = call.query.get(name, ())
    if len(texts) == 1 and texts[0].isascii() and texts[0].isdigit() and int(texts[0]) > 0:
        return int(texts[0])
    raise Refused(400, "bad query", problems=[problem(f"?{name}", "is required once, a whole number from 1 on")])


def required_text(call: Call, name: str) -> str:
    """Read a required query parameter."""
    texts = call.query.get(name, ())
    if len(texts) == 1 and texts[0]:
        return texts[0]
    raise Refused(400, "bad query", problems=[problem(f"?{name}", "is required once, and not empty")])


def texts(call: Call, name: str) -> tuple[str, ...]:
    """Read a query parameter that is a list: repeated, or with commas, or both (assumed)."""
    return tuple(part for text in call.query.get(name, ()) for part in text.split(",") if part)


def words(call: Call, name: str, known: Collection[str]) -> frozenset[str]:
    """Read a query parameter that is a list of known words; all of them when it names none."""
    named = texts(call, name)
    if unknown := [word for word in named if word not in known]:
        problems = [problem(f"?{name}", f"{word} is none of {', '.join(known)}") for word in unknown]
        raise Refused(400, "bad query", problems=problems)
    return frozenset(named or known)


def page(call: Call, rows: Iterable[Json]) -> list[Json]:
    """Cut out the page that pageNumber (from 1) and pageSize ask for, both required (one-api.md 1, paging 1)."""
    number, size = whole_number(call, "pageNumber"), whole_number(call, "pageSize")
    return list(rows)[(number - 1) * size : number * size]
