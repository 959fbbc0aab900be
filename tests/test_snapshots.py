"""Every mapping's samples against snapshots/: `bin/one-sync snapshot --update` or `--snapshot-update` writes them anew.

One text serves both: syrupy keeps what `engine.inspect.snapshots` writes, byte for byte.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation

from engine.inspect.snapshots import compare, folder_of, snapshot_text
from world.shipped import shipped

MAPPINGS = Path(__file__).parents[1] / "mappings"
FOLDER = folder_of(MAPPINGS)
LOADED = shipped()
WITH_SAMPLES = sorted(name for name, mapping in LOADED.mappings.items() if mapping.samples)


class SnapshotFile(SingleFileSnapshotExtension):
    """Keeps one file an object in snapshots/, as `one-sync snapshot` does."""

    _write_mode = WriteMode.TEXT
    file_extension = "json"

    def serialize(self, data: Any, **_: Any) -> str:
        return str(data)

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        return str(FOLDER)

    @classmethod
    def get_file_basename(cls, *, test_location: PyTestLocation, index: Any) -> str:
        return str(index)

    @classmethod
    def matches_test_location(cls, *, test_location: PyTestLocation, snapshot_location: str) -> bool:
        return Path(snapshot_location).parent == FOLDER


@pytest.mark.parametrize("name", WITH_SAMPLES)
def test_the_samples_render_as_their_snapshot_says(name: str, snapshot: SnapshotAssertion) -> None:
    rendered = snapshot_text(LOADED, LOADED.mappings[name])

    assert rendered == snapshot(name=name, extension_class=SnapshotFile)


def test_one_sync_snapshot_finds_the_same_bytes_equal() -> None:
    compared = compare(LOADED, FOLDER)

    assert [each.object for each in compared if not each.is_equal] == []
    assert sorted(path.stem for path in FOLDER.iterdir()) == WITH_SAMPLES
