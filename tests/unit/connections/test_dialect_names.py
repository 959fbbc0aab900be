"""A database is called by one name, whatever its dialect calls itself."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect

from engine.connections.settings import TimeOuts
from engine.connections.sql import write
from engine.connections.sql.connect import open_engine


class Firebird(DefaultDialect):
    """As sqlalchemy-firebird's, which calls itself by two words."""

    name = "firebird.firebird"
    driver = "firebird-driver"

    @classmethod
    def import_dbapi(cls) -> Any:
        return SimpleNamespace(paramstyle="qmark")


def test_firebird_has_the_name_by_which_its_rules_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sa.dialects.registry.impls, "firebird", lambda: Firebird)

    engine = open_engine("firebird://u:geheim@h/d", name="erp", limits=TimeOuts())

    assert engine.dialect.name == "firebird"
    assert datetime in write._ZONELESS[engine.dialect.name]
    assert engine.dialect.name in write._NO_ISO_TEXTS
