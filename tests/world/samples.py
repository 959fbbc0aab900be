"""A small project for tests of samples: connections, one object to refer to, and the mappings that a test gives."""

from __future__ import annotations

from pathlib import Path

from engine.mapping.load.project_folder import Loaded, load

PROJECT = """
timezone: Europe/Warsaw
files_root: files
connections:
  erp: {type: sql, url: "${ERP_URL}"}
  one: {type: http, base_url: "${ONE_BASE_URL}"}
vars: {root: top}
maps:
  colours: {R: red, G: green}
"""

PARENTS = """
object: parents
source: {connection: erp, query: SELECT id FROM parent, key: [id]}
fields: {id: "{{ id }}"}
send:
  - on: [added]
    request: {method: POST, path: /parents, body: "{{ line }}"}
    save: {parent_id: "{{ body.id }}"}
"""


def project(folder: Path, **mappings: str) -> Loaded:
    """Write a project of these mappings, without their first line `object: ...`, and load it."""
    (folder / "project.yaml").write_text(PROJECT, encoding="utf-8")
    (folder / "parents.yaml").write_text(PARENTS, encoding="utf-8")
    for name, text in mappings.items():
        (folder / f"{name}.yaml").write_text(f"object: {name}\n{text}", encoding="utf-8")
    return load(folder)
