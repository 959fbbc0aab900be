"""Measures one-sync against the hand-written script beside it, in one run: seconds, ratio, peak memory.

Figures of one run compare with each other only; the machines are noisy.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = """\
timezone: Europe/Warsaw
state: state
connections:
  erp: {type: sql, url: "${ERP_URL}"}
  one: {type: http, base_url: "${ONE_BASE_URL}", headers: {ApiAuth: "${ONE_API_KEY}", one-tenant: "${ONE_TENANT}"}}
"""
STOCKS = """\
object: stocks
schedule: "0 */2 * * * *"
source:
  connection: erp
  query: SELECT warehouse_id, sku, quantity FROM stock WHERE send_to_one = 1
  key: [warehouse_id, sku]
fields:
  id: "{{ sku }}"
  sku: "{{ sku }}"
  quantity: "{{ quantity | number }}"
send:
  - on: [added, changed, removed]
    group_by: [warehouse_id]
    chunk_size: 10000
    request:
      method: POST
      path: /api/v1/stock/integrations/auth-required/warehouses/{{ warehouse_id | path }}/stocks/incremental
      idempotent: true
      body: {stocks: "{{ lines }}", stocksToRemove: "{{ removed | map(attribute='sku') | list }}"}
"""
SCENARIOS = (  # name, bound of the ratio, what changes in the ERP
    ("first load", 3.0, ""),
    ("1 % changed", 1.3, "UPDATE stock SET quantity = quantity + 1 WHERE rowid % 100 = 0"),
    ("nothing changed", 1.1, ""),
    ("all changed", 3.0, "UPDATE stock SET quantity = quantity + 1"),
    ("all but one gone", 3.0, "DELETE FROM stock WHERE rowid > 1"),
)
MAX_MEGABYTES = 500


class _Sink(BaseHTTPRequestHandler):
    """Takes every request and answers 200: the target's own work is not what is measured."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def sink() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def create_erp(path: Path, rows: int) -> None:
    with sqlite3.connect(path) as erp:
        erp.execute("CREATE TABLE stock (warehouse_id TEXT, sku TEXT, quantity NUMERIC, send_to_one INTEGER)")
        values = ((f"W{n % 3 + 1}", f"SKU-{n:07}", n % 997 + (n % 4) * 0.25, 1) for n in range(rows))
        erp.executemany("INSERT INTO stock VALUES (?, ?, ?, ?)", values)


def measured(command: list[str], variables: dict[str, str]) -> tuple[float, float]:
    """Run a command: seconds and peak memory in MB."""
    begun = time.monotonic()
    process = subprocess.Popen(
        command, env={**os.environ, **variables}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} failed with {status}")
    return time.monotonic() - begun, usage.ru_maxrss / 1024


def main() -> None:
    """Print a line a scenario, and fail where a ratio or the memory is over its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=1, help="measure so many times")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="one-sync-bench-") as folder, sink() as url:
        worst = max(_compare(Path(folder) / str(number), url, options.rows) for number in range(options.repeat))
    raise SystemExit(worst)


def _compare(folder: Path, url: str, rows: int) -> int:
    folder.mkdir()
    create_erp(folder / "erp.sqlite", rows)
    (folder / "project.yaml").write_text(PROJECT)
    (folder / "stocks.yaml").write_text(STOCKS)
    variables = {
        "ERP_URL": f"sqlite:///{folder / 'erp.sqlite'}",
        "ONE_BASE_URL": url,
        "ONE_API_KEY": "bench-key",
        "ONE_TENANT": "bench-tenant",
    }
    ours = [sys.executable, "-P", "-m", "engine.cli", "--project", str(folder), "run", "--once", "stocks"]
    ours += ["--allow-removed", str(rows)]
    script = [sys.executable, str(HERE / "script.py"), str(folder / "erp.sqlite"), str(folder / "memory.sqlite"), url]
    failed = 0
    print(f"{rows:,} rows{'':13} {'script':>8} {'one-sync':>9} {'ratio':>6} {'bound':>6} {'peak MB':>8}")
    for name, bound, change in SCENARIOS:
        with closing(sqlite3.connect(folder / "erp.sqlite")) as erp, erp:
            erp.execute(change)
        theirs_seconds, theirs_peak = measured(script, variables)
        seconds, peak = measured(ours, variables)
        ratio = seconds / theirs_seconds
        failed |= ratio > bound or peak > MAX_MEGABYTES
        print(
            f"{name:24} {theirs_seconds:7.2f}s {seconds:8.2f}s {ratio:6.2f} {bound:6.1f} {peak:8.0f}"
            f"  (script {theirs_peak:.0f} MB)"
        )
    return int(failed)


if __name__ == "__main__":
    main()
