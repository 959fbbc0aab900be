"""A whole small merchant: an ERP in SQLite, the shipped mappings, a state folder, and the stand-in for ONe.

with merchant(tmp_path, products=10) as it:
    it.run("warehouses", "stocks")
    it.erp("UPDATE stock SET quantity = 7 WHERE sku = 'A-000007'")
    plan(it.app, it.mapping("stocks"))
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, CompletedProcess, Popen
from typing import Any

from engine.demo.erp import REFUSED_SKU, create
from engine.mapping.spec import MappingSpec
from engine.run.app import App, utc_now
from engine.run.one_run import new_run_id
from engine.sandbox.api.replies import Settings
from engine.sandbox.sandbox import Sandbox
from engine.sandbox.server import running
from engine.values.order import Order
from engine.values.records import Change
from engine.values.results import ObjectResult
from world import commands, erp

CHECKOUT = Path(__file__).parents[2]
OBJECTS = ("segments", "clients", "client_blockades", "clients_inbound", "stocks", "trade_credits", "warehouses")
QUICKER = {  # what the shipped mappings say, and what the tests wait for
    "attempts: 6, first_delay_seconds: 1,": "attempts: 2, first_delay_seconds: 0.01,",
    "rate_limit: {requests: 20, per_seconds: 1}": "rate_limit: {requests: 2000, per_seconds: 1}",
    "    lookup:\n": "    lookup:\n      settle_seconds: 0.01\n",
}


@dataclass(frozen=True, kw_only=True)
class Merchant:
    """The merchant, both ends open."""

    app: App
    folder: Path  # of the project
    state: Path
    erp_file: Path
    one: Sandbox
    variables: dict[str, str]

    def mapping(self, name: str) -> MappingSpec:
        return self.app.loaded.select([name])[0]

    def erp(self, *statements: str) -> list[tuple[Any, ...]]:
        """Execute statements in the ERP; give the rows of the last one."""
        return erp.sql(self.erp_file, *statements)

    def run(self, *names: str, allowed_removed: int | None = None) -> dict[str, ObjectResult]:
        """Run objects once, in dependency order; all without names."""
        return {
            mapping.object: self.app.run_object(
                mapping,
                Order(
                    run_id=new_run_id(utc_now()),
                    due=self.app.program(mapping).all_operations,
                    allowed={} if allowed_removed is None else {Change.REMOVED: allowed_removed},
                ),
            )
            for mapping in self.app.loaded.select(names)
        }

    def settle(self) -> None:
        """Run everything until nothing is left: a tree of segments takes a run for each of its levels."""
        for _ in range(5):
            results = self.run()
        assert {name: result.counts.confirmed for name, result in results.items()} == dict.fromkeys(results, 0)

    def received(self, *methods: str) -> list[tuple[str, str]]:
        """Give method and path of the requests that the stand-in received; without methods of all."""
        found = [(each["method"], each["path"]) for each in self.one.requests()]
        return [each for each in found if not methods or each[0] in methods]

    def writes(self) -> list[tuple[str, str]]:
        """Give the requests that could have had an effect."""
        return self.received("POST", "PUT", "DELETE")

    def files(self) -> dict[str, bytes]:
        """Give the state folder, file by file; SQLite's side files count only where they hold something.

        Reading a journal in WAL mode leaves its shared memory, which is no state, and an empty log behind.
        """
        return {
            str(path.relative_to(self.state)): path.read_bytes()
            for path in sorted(self.state.rglob("*"))
            if path.is_file() and not path.name.endswith("-shm") and path.stat().st_size
        }

    def command(self, *words: str, **variables: str) -> CompletedProcess[str]:
        """Run one-sync on the project as a process."""
        return commands.run(self.folder, {**self.variables, **variables}, *words)

    def document(self, *words: str) -> Any:
        """Run a command with --json and give its document."""
        finished = self.command(*words, "--json")
        assert finished.stdout, finished.stderr
        return json.loads(finished.stdout)

    @contextmanager
    def reopened(self) -> Iterator[App]:
        """Load the project anew, after an edit of a mapping."""
        app = App(self.folder, self.variables)
        try:
            yield app
        finally:
            app.close()

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text in a mapping file; `reopened` sees it."""
        path = self.folder / f"{name}.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


@contextmanager
def merchant(
    tmp: Path,
    *,
    products: int = 10,
    customers: int = 0,
    warehouses: int = 3,
    sound: bool = True,
    settings: Settings | None = None,
) -> Iterator[Merchant]:
    """Open a merchant in a folder; `sound`: without the demo's records that have to be refused."""
    folder, state, erp_file = tmp / "project", tmp / "state", tmp / "erp.sqlite"
    folder.mkdir()
    for name in ("project", *OBJECTS):
        text = (CHECKOUT / "mappings" / f"{name}.yaml").read_text(encoding="utf-8")
        for slow, quick in QUICKER.items():
            text = text.replace(slow, quick)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    create(erp_file, products=products, customers=customers, warehouses=warehouses)
    with running(settings=settings) as one:
        variables = {
            "ERP_URL": f"sqlite:///{erp_file}",
            "ONE_BASE_URL": one.url,
            "ONE_API_KEY": "key-of-the-test",
            "ONE_TENANT": "tenant-of-the-test",
            "ONE_SYNC_STATE": str(state),
        }
        app = App(folder, variables)
        it = Merchant(app=app, folder=folder, state=state, erp_file=erp_file, one=one, variables=variables)
        if sound:
            _mend(it)
        try:
            yield it
        finally:
            app.close()


def _mend(it: Merchant) -> None:
    it.erp(
        "UPDATE product SET send_to_one = 1",
        "UPDATE customer SET send_to_one = 1, name = COALESCE(name, 'Hurtownia')",
        "UPDATE stock SET quantity = 5 WHERE quantity = 'brak' OR quantity IS NULL",
        "DELETE FROM stock WHERE rowid NOT IN (SELECT MIN(rowid) FROM stock GROUP BY warehouse_id, sku)",
        f"INSERT INTO stock SELECT warehouse_id, '{REFUSED_SKU}', 5 FROM warehouse WHERE warehouse_id <> 'W1'",
    )


@contextmanager
def held(it: Merchant, object_: str) -> Iterator[None]:
    """Hold an object's file in another process, as a run does."""
    path = it.state / f"{object_}.duckdb"
    script = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print('held', flush=True); sys.stdin.read()"
    with Popen([sys.executable, "-c", script], stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == "held\n"
        yield
        process.stdin.close()
