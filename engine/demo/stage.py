"""Sets the demonstration's stage: a project folder with its own ERP, and a stand-in for ONe that has clients."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.demo import erp, processing
from engine.demo.planted import Planted
from engine.sandbox import Action, Sandbox, running
from engine.values import ConfigError

MARK = "made-by-one-sync-demo"  # a file; a folder without it is never emptied
ERP_FILE = "erp.sqlite"
DOCUMENTS = 40  # invoices and goods issued notes, and about as many offline orders: each is a request of its own

ORDERS = "orders"  # the object that brings them into the ERP
ANSWERS = frozenset(  # objects that tell ONe what became of its orders
    {
        "confirmed_delivery_dates",
        "goods_issued_note_files",
        "goods_issued_notes",
        "order_statuses",
        "payment_statuses",
        "shipped_quantities",
        "waybills",
    }
)

ONE_CLIENTS = (  # made in ONe's back office, so that there is something to read
    {
        "name": "Sklep Żeglarski Bryza",
        "type": "COMPANY",
        "tin": "0000000101",
        "clientStatus": "ACTIVE",
        "address": {"name": "Bryza", "street": "Portowa 3", "zipCode": "80-001", "city": "Gdańsk", "country": "PL"},
        "admin": {"name": "Hanna Śliwa", "email": "hanna@example.invalid"},
    },
    {
        "name": "Ewa Łącka",
        "type": "INDIVIDUAL",
        "clientStatus": "ACTIVE",
        "address": {"name": "Ewa Łącka", "street": "Długa 7", "zipCode": "30-001", "city": "Kraków", "country": "PL"},
        "admin": {"name": "Ewa Łącka", "email": "ewa@example.invalid"},
    },
    {"name": "Warsztat „U Józefa”", "type": "COMPANY", "tin": "0000000102", "clientStatus": "NEW"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The demonstration's ends, ready."""

    folder: Path  # a project folder
    sandbox: Sandbox
    variables: Mapping[str, str]

    def place_orders(self) -> tuple[Planted, ...]:
        """Let the shop's clients order; returns the event whose shipment cannot be had, which has to be refused."""
        missing = self.sandbox.place_orders().missing
        _order_id, _, _ = missing.rpartition("/")
        why = "the platform does not have the shipment"
        return (Planted(object=ORDERS, key=(missing,), stage="target", why=why),)

    def process_orders(self) -> tuple[Planted, ...]:
        """Let the ERP process the orders that arrived; returns what has to be refused of it."""
        return processing.process_orders(self.folder / ERP_FILE)


@contextmanager
def stage(mappings: Path, folder: Path, *, products: int, customers: int) -> Iterator[Stage]:
    """Make `folder` anew, with a copy of the mappings; while another demonstration uses it, take a temporary one.

    Raises:
        ConfigError: there is a folder of that name that no demonstration made.
    """
    with _own(folder) as own:
        _clear(own)
        for path in sorted(mappings.glob("*.yaml")):
            shutil.copy(path, own)
        erp.create(own / ERP_FILE, products=products, customers=customers, documents=DOCUMENTS)
        with running() as sandbox:
            sandbox.faults.add(Action(refuse_sku=(erp.REFUSED_SKU,)))
            for client in ONE_CLIENTS:
                sandbox.edit_client(client)
            variables = {
                "ERP_URL": f"sqlite:///{ERP_FILE}",
                "ERP_FILES": erp.documents_folder(Path(ERP_FILE)).name,
                "ONE_BASE_URL": sandbox.url,
                "ONE_API_KEY": "demonstration-key",
                "ONE_TENANT": "demonstration",
            }
            assignments = "".join(f"{name}={value}\n" for name, value in variables.items())
            (own / ".env").touch(mode=0o600)
            (own / ".env").write_text(assignments, encoding="utf-8")
            yield Stage(folder=own, sandbox=sandbox, variables=variables)


@contextmanager
def _own(folder: Path) -> Iterator[Path]:
    """Give the folder, or a temporary one while another process has it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("w") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield Path(tempfile.mkdtemp(prefix="one-sync-demo-"))
        else:
            yield folder


def _clear(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise ConfigError(f"{folder} was not made by a demonstration: name another folder", code="E_DEMO_FOLDER")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
