"""What every test starts from: an environment without one-sync's own variables, quick tests first."""

import os
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from hypothesis import settings

KEPT = (
    "ONE_SYNC_REQUIRE_DBS",  # databases whose absence is a failure instead of a skip; set by .ci/run
    "ONE_SYNC_EXAMPLES",  # how long the searching tests search: effort.py
)
FIRST = ("unit", "property")
HERE = Path(__file__).parent

# A machine that is busy elsewhere is no fault of the code. Where CI is set, Hypothesis takes its own profile: the same
# examples each time.
settings.register_profile("here", deadline=None)
if "CI" not in os.environ:
    settings.load_profile("here")


@pytest.fixture(autouse=True, scope="session")
def _own_variables_are_unset() -> None:
    """Remove what a person has set for their own project, so that no test reads or writes there."""
    for name in [name for name in os.environ if name.startswith(("ONE_", "ERP_")) and name not in KEPT]:
        del os.environ[name]


@pytest.fixture(autouse=True, scope="session")
def _certificates_are_few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Trust one authority: reading all of them costs each of thousands of connections 16 ms."""
    first, end, _ = Path(certifi.where()).read_text(encoding="utf-8").partition("-----END CERTIFICATE-----")
    file = tmp_path_factory.mktemp("certificates") / "one.pem"
    file.write_text(f"{first}{end}\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(file))
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put unit and property tests first; the order is otherwise kept."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    folder = item.path.relative_to(HERE).parts[0]
    return FIRST.index(folder) if folder in FIRST else len(FIRST)
