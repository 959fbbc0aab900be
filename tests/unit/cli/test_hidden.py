"""What a command hides, and what it leaves as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import cli

PROJECT = """
timezone: Europe/Warsaw
connections:
  erp: {type: sql, url: "${ERP_URL}"}
  one: {type: http, base_url: "https://one.example", headers: {ApiAuth: "${ONE_API_KEY}", one-tenant: "${ONE_TENANT}"}}
"""
STOCKS = """
object: stocks
source: {connection: erp, query: "SELECT sku FROM stock", key: [sku]}
fields: {sku: "{{ sku }}"}
send:
  - on: [added, changed]
    request: {method: PUT, path: "/stocks/{{ sku | path }}", body: "{{ line }}"}
"""


def test_a_folder_that_is_named_as_the_tenant_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "project.yaml").write_text(PROJECT)
    (folder / "stocks.yaml").write_text(STOCKS)
    (folder / ".env").write_text("ERP_URL=sqlite:///acme.sqlite\nONE_API_KEY=stock\nONE_TENANT=acme\n")
    (folder / ".env").chmod(0o644)  # so that a warning names it
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SystemExit):
        cli.main(["--project", "acme", "validate", "stocks"])

    assert "acme/.env:1:1: warning: other users" in capsys.readouterr().out
