"""The prices that the stand-in holds: retail prices, price lists with their prices, and who has which list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from engine.sandbox.store.feeds import Document
from engine.values import Json

Holder: TypeAlias = tuple[str, str]  # clientId or clientGroupId, and its value


@dataclass(slots=True)
class Prices:
    """The state of the pricing service; prices are int or Decimal."""

    retail: dict[str, Any] = field(default_factory=dict)  # by SKU
    lists: dict[str, Document] = field(default_factory=dict)  # by pricingId; the main catalogue is not among them
    prices: dict[str, dict[str, Any]] = field(default_factory=dict)  # by pricingId, then by SKU
    assigned: dict[Holder, dict[str, None]] = field(default_factory=dict)  # pricingIds, in order of assignment

    def remove_list(self, pricing_id: str) -> None:
        """Remove a price list, its prices and its assignments."""
        del self.lists[pricing_id]
        self.prices.pop(pricing_id, None)
        for holder in [holder for holder, held in self.assigned.items() if pricing_id in held]:
            self.unassign(holder, pricing_id)

    def set_prices(self, lines: Iterable[Document]) -> None:
        """Set prices, each in its list."""
        for line in lines:
            self.prices.setdefault(line["pricingId"], {})[line["productId"]] = line["price"]

    def assign(self, holder: Holder, pricing_id: str) -> None:
        """Give a price list to a client or a group; doing so twice changes nothing."""
        self.assigned.setdefault(holder, {})[pricing_id] = None

    def unassign(self, holder: Holder, pricing_id: str) -> None:
        """Take a price list away."""
        del self.assigned[holder][pricing_id]

    def assignments(self) -> Iterator[Document]:
        """Give who has which list, as lines of a request."""
        for (name, value), held in self.assigned.items():
            for pricing_id in held:
                yield {name: value, "pricingId": pricing_id}

    def counts(self) -> dict[str, int]:
        """Count what is held, by object."""
        return {
            "retail_prices": len(self.retail),
            "price_lists": len(self.lists),
            "price_list_assignments": sum(map(len, self.assigned.values())),
            "prices": sum(map(len, self.prices.values())),
        }

    def as_json(self) -> Json:
        """Give all that is held, a copy."""
        return {
            "retail_prices": dict(self.retail),
            "price_lists": [{"pricingId": pricing_id} | fields for pricing_id, fields in self.lists.items()],
            "price_list_assignments": list(self.assignments()),
            "prices": {pricing_id: dict(held) for pricing_id, held in self.prices.items()},
        }
