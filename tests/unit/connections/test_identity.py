"""Two addresses name the same end, or another one; and nothing of their secrets is kept."""

from __future__ import annotations

import pytest

from engine.connections.identity import http_identity
from engine.connections.sql.database import sql_identity

TENANT = {"one-tenant": "t1", "ApiAuth": "key"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://one.example.com", "https://one.example.com/"),
        ("https://one.example.com", "https://ONE.example.com:443"),
        ("http://127.0.0.1:8080", "http://localhost:9090"),
        ("http://[::1]:8080", "http://127.0.0.2"),
    ],
)
def test_addresses_of_the_same_platform(one: str, other: str) -> None:
    assert http_identity(one, TENANT) == http_identity(other, {"One-Tenant": "t1", "ApiAuth": "another key"})


@pytest.mark.parametrize(
    ("base_url", "headers"),
    [
        ("https://one.example.org", TENANT),
        ("http://one.example.com", TENANT),
        ("https://one.example.com:8443", TENANT),
        ("https://one.example.com/api", TENANT),
        ("https://one.example.com", {"one-tenant": "t2"}),
        ("https://one.example.com", {}),
    ],
)
def test_addresses_of_another_platform(base_url: str, headers: dict[str, str]) -> None:
    assert http_identity(base_url, headers).print != http_identity("https://one.example.com", TENANT).print


def test_a_platform_is_known_by_its_address_without_user_key_and_tenant() -> None:
    found = http_identity("https://user:secret@one.example.com:8443/api/", {"one-tenant": "secret", "Key": "secret"})

    assert found.place == "https://one.example.com:8443/api"
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("postgresql://u:p@db/erp", "postgres://v:q@DB:5432/erp?connect_timeout=3"),
        ("mssql+pyodbc://u:p@db/erp?driver=a", "mssql+mssqlpython://v:q@db:1433/erp?driver=b"),
        ("sqlite:///erp.sqlite", "sqlite+pysqlite:///erp.sqlite"),
        (
            "mssql+pyodbc:///?odbc_connect=Server%3Ddb%3BDatabase%3Derp%3BUID%3Du%3BPWD%3Dp",
            "mssql+pyodbc:///?odbc_connect=Server%3Ddb%3BDatabase%3Derp%3BUID%3Dv%3BPWD%3Dq",
        ),
    ],
)
def test_urls_of_the_same_database(one: str, other: str) -> None:
    assert sql_identity(one, name="erp") == sql_identity(other, name="erp")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("postgresql://u:p@db/erp", "postgresql://u:p@db/erp2"),
        ("postgresql://u:p@db/erp", "postgresql://u:p@db2/erp"),
        ("postgresql://u:p@localhost:5432/erp", "postgresql://u:p@localhost:5433/erp"),
        ("postgresql:///erp?host=/run/a", "postgresql:///erp?host=/run/b"),
        ("postgresql://u:p@db/erp", "mysql://u:p@db:5432/erp"),
        ("sqlite:///erp.sqlite", "sqlite:////other/erp.sqlite"),
        (
            "mssql+pyodbc:///?odbc_connect=Server%3Ddb%3BDatabase%3Derp",
            "mssql+pyodbc:///?odbc_connect=Server%3Ddb%3BDatabase%3Derp2",
        ),
    ],
)
def test_urls_of_another_database(one: str, other: str) -> None:
    assert sql_identity(one, name="erp").print != sql_identity(other, name="erp").print


def test_a_database_is_known_by_its_server_and_name_without_user_and_password() -> None:
    found = sql_identity("postgresql://user:secret@db.example.com/erp?password=secret", name="erp")

    assert found.place == "postgresql db.example.com:5432/erp"
    assert "secret" not in repr(found)
