"""A small project of its own in a temporary folder, for tests that run one-sync as a process.

Its ERP is a SQLite file with one table of items; its platform is whatever listens on `url`. Objects: `items`, many
lines a request, and `notes`, one request a record.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from subprocess import PIPE, CompletedProcess, Popen
from typing import Any

from world import commands

KEY = "canary-key-7c1f9"  # the secret header
PASSWORD = "canary-password-55d0"  # in the database's URL, where SQLite ignores it

PROJECT = """
timezone: Europe/Warsaw
state: ${{ONE_SYNC_STATE:-.one-sync}}
connections:
  erp: {{type: sql, url: "${{ERP_URL}}"}}
  one:
    type: http
    base_url: ${{ONE_BASE_URL}}
    headers: {{ApiAuth: "${{ONE_API_KEY}}", one-tenant: shop}}
    timeout_seconds: 120
    concurrency: 2
    retry: {{attempts: {attempts}, first_delay_seconds: 0.05, max_delay_seconds: 0.1}}
    breaker: {{failures: 3, pause_seconds: 0.2}}
"""

ITEMS = """
object: items
schedule: "{schedule}"
source:
  connection: erp
  query: {query}
  key: [id]
fields:
  id: "{{{{ id }}}}"
  name: {{$value: "{{{{ name }}}}", $on_null: reject}}
  quantity: "{{{{ quantity | number }}}}"
send:
  - on: [added, changed, removed]
    chunk_size: 100
    request:
      method: POST
      path: /items
      idempotent: true
      body: {{items: "{{{{ lines }}}}", gone: "{{{{ removed | map(attribute='id') | list }}}}"}}
guards: {{max_removed: 20%}}
"""

NOTES = """
object: notes
schedule: {after: items}
source:
  connection: erp
  query: SELECT id, name FROM note
  key: [id]
fields: {id: "{{ id }}", name: "{{ name }}"}
send:
  - on: [added, changed]
    request: {method: PUT, path: "/notes/{{ id | path }}", body: "{{ line }}"}
"""


class Shop:
    """A project folder, and one-sync run on it; every process has only the variables that are given here."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.variables = {
            "ERP_URL": "sqlite:///erp.sqlite",
            "ONE_BASE_URL": url,
            "ONE_API_KEY": KEY,
        }
        folder.mkdir(parents=True)
        self.write_project()
        self.write_items()
        self.write("notes.yaml", NOTES)
        self.sql("CREATE TABLE item (id TEXT, name TEXT, quantity TEXT)")
        self.sql("CREATE TABLE note (id TEXT, name TEXT)")

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        (self.folder / name).write_text(text.lstrip(), encoding="utf-8")

    def write_project(self, *, attempts: int = 2) -> None:
        """Write project.yaml."""
        self.write("project.yaml", PROJECT.format(attempts=attempts))

    def write_items(
        self, *, schedule: str = "0 */5 * * * *", query: str = "SELECT id, name, quantity FROM item"
    ) -> None:
        """Write the mapping of items."""
        self.write("items.yaml", ITEMS.format(schedule=schedule, query=query))

    def sql(self, statement: str, rows: Iterable[tuple[Any, ...]] = ((),)) -> None:
        """Change the ERP."""
        with closing(sqlite3.connect(self.folder / "erp.sqlite")) as erp, erp:
            erp.executemany(statement, list(rows))

    def items(self, count: int) -> None:
        """Put items into the ERP."""
        self.sql("INSERT INTO item VALUES (?, ?, ?)", [(f"I-{n}", f"Śruba {n}", str(n)) for n in range(1, count + 1)])

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / ".one-sync"

    def run(self, *words: str, **variables: str | None) -> CompletedProcess[str]:
        """Run one-sync on the project to its end; a variable of None is not set."""
        return commands.run(self.folder, self._with(variables), *words)

    def start(self, *words: str, stdout: int = PIPE, **variables: str | None) -> Popen[str]:
        """Start one-sync on the project; end it with `finish`."""
        return commands.start(self.folder, self._with(variables), *words, stdout=stdout)

    def json(self, *words: str) -> Any:
        """Run a command with --json and give its document."""
        return json.loads(self.run(*words, "--json").stdout)

    def _with(self, variables: Mapping[str, str | None]) -> dict[str, str]:
        wanted: dict[str, str | None] = {**self.variables, **variables}
        return {name: value for name, value in wanted.items() if value is not None}
