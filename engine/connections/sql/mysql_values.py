"""Values of MySQL and MariaDB as they are meant: bits as numbers, a TIMESTAMP as the moment that it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

FLOAT = 4  # of single precision, of which the server sends six digits
_BIT, _TIMESTAMP = 16, 7  # field types of the protocol


def decoders(known: Mapping[Any, Any]) -> dict[Any, Any]:
    """Give the driver's converters with ours among them; the session is in UTC."""
    as_moment = known[_TIMESTAMP]

    def moment(text: Any) -> Any:
        value = as_moment(text)  # a text where it is no time
        return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value

    own: dict[int, Callable[[Any], Any]] = {_BIT: lambda data: int.from_bytes(data, "big"), _TIMESTAMP: moment}
    return {**known, **own}
