"""An outbound object goes to the http connection that it names, or to the project's only one."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.run.app import App

ONE = "connections:\n  erp: {type: sql, url: 'sqlite://'}\n  one: {type: http, base_url: 'https://one.example.com'}\n"
TWO = ONE + "  archive: {type: http, base_url: 'https://archive.example.com'}\n"
INVOICES = """\
object: invoices
source: {connection: erp, query: SELECT 1 AS number, key: [number]}
fields: {number: "{{ number }}"}
send:
  - {on: [added], request: {method: PUT, path: /invoices, body: "{{ line }}"}}
"""


@pytest.mark.parametrize(
    ("project", "target", "expected"),
    [(ONE, "", "one"), (ONE, "target: one\n", "one"), (TWO, "target: archive\n", "archive")],
)
def test_an_object_goes_to_the_connection_that_it_names_or_to_the_only_one(
    tmp_path: Path, project: str, target: str, expected: str
) -> None:
    (tmp_path / "project.yaml").write_text(project, encoding="utf-8")
    (tmp_path / "invoices.yaml").write_text(INVOICES + target, encoding="utf-8")
    app = App(tmp_path, {})

    assert app.target_connection(app.loaded.mappings["invoices"]).name == expected
