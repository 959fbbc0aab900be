"""The filter that turns codes of one system into those of the other, by the `maps` of project.yaml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from engine.values import preview


class Dictionaries:
    """The `maps` of project.yaml, each made ready when it is first asked."""

    def __init__(self, maps: Mapping[str, Mapping[str, Any]]) -> None:
        self._maps = maps
        self._by_text: dict[str, dict[str | None, Any]] = {}

    def look_up(self, name: str, value: Any) -> Any:
        """Give what stands for a value.

        Raises:
            ValueError: the value is not listed, or there is no such dictionary.
        """
        canonical = _canonical()
        if name not in self._by_text:
            if name not in self._maps:
                raise ValueError(f"{preview(name)} is not among the `maps` of project.yaml; add it there")
            self._by_text[name] = {canonical(key): item for key, item in self._maps[name].items()}
        try:
            return self._by_text[name][canonical(value)]
        except KeyError:
            raise ValueError(f"{preview(value)} is not listed in maps.{name} of project.yaml") from None


def mapped(value: Any, name: str, dictionaries: Dictionaries) -> Any:
    """Look the value up in a dictionary of `maps:` in project.yaml; what is not listed is refused.

    With `order_statuses: {NEW: 10, "5": 20}`: "NEW" | mapped("order_statuses") -> 10; 5 and 5.00 -> 20; null -> null.
    Values and keys are compared as the canonical texts by which rows are compared too; the name is a constant.
    """
    return None if value is None else dictionaries.look_up(name, value)


@cache
def _canonical() -> Callable[[Any], str | None]:
    """Import at first use: it brings Arrow, which loading and checking mappings can do without."""
    from engine.values import canonical  # noqa: PLC0415

    return canonical
