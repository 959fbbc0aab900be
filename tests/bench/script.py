"""The yardstick: what a good engineer writes in an hour to keep stocks equal, with the same promises in fair weather.

Reads all rows, remembers in SQLite what was sent, sends only what differs in chunks of 10,000 lines, removals too.
It has no retries, no crash safety beyond SQLite's, no rejections, no splitting.
"""

import sqlite3
import sys
from hashlib import md5

import httpx
import msgspec

CHUNK = 10_000
QUERY = "SELECT warehouse_id, sku, quantity FROM stock WHERE send_to_one = 1 ORDER BY warehouse_id, sku"


def main(erp: str, memory: str, url: str) -> None:
    encode = msgspec.json.Encoder().encode
    store = sqlite3.connect(memory)
    store.execute("CREATE TABLE IF NOT EXISTS sent (warehouse TEXT, sku TEXT, hash BLOB, PRIMARY KEY (warehouse, sku))")
    sent = {(warehouse, sku): digest for warehouse, sku, digest in store.execute("SELECT * FROM sent")}
    changed: dict[str, list[tuple[str, bytes, dict[str, object]]]] = {}
    seen = set()
    for warehouse, sku, quantity in sqlite3.connect(erp).execute(QUERY):
        line = {"id": sku, "sku": sku, "quantity": quantity}
        digest = md5(encode(line), usedforsecurity=False).digest()
        seen.add((warehouse, sku))
        if sent.get((warehouse, sku)) != digest:
            changed.setdefault(warehouse, []).append((sku, digest, line))
    gone: dict[str, list[str]] = {}
    for warehouse, sku in sent.keys() - seen:
        gone.setdefault(warehouse, []).append(sku)
    with httpx.Client(base_url=url, headers={"ApiAuth": "x", "one-tenant": "x"}, timeout=60) as client:
        for warehouse in changed.keys() | gone.keys():
            lines, removed = changed.get(warehouse, []), gone.get(warehouse, [])
            for first in range(0, max(len(lines), len(removed)), CHUNK):
                part, without = lines[first : first + CHUNK], removed[first : first + CHUNK]
                body = encode({"stocks": [line for _, _, line in part], "stocksToRemove": without})
                path = f"/api/v1/stock/integrations/auth-required/warehouses/{warehouse}/stocks/incremental"
                client.post(path, content=body, headers={"Content-Type": "application/json"}).raise_for_status()
                rows = [(warehouse, sku, digest) for sku, digest, _ in part]
                store.executemany("INSERT OR REPLACE INTO sent VALUES (?, ?, ?)", rows)
                store.executemany("DELETE FROM sent WHERE warehouse = ? AND sku = ?", [(warehouse, s) for s in without])
                store.commit()


if __name__ == "__main__":
    main(*sys.argv[1:])
