"""Where in its file a key stands, and problems that name the place."""

from __future__ import annotations

from collections.abc import Mapping

from engine.mapping.project_spec import Project
from engine.mapping.spec import MappingSpec
from engine.values import Path as KeyPath
from engine.values import Place, Problem


def problem(where: Project | MappingSpec, code: str, message: str, *path: str | int) -> Problem:
    """Make a problem of what stands at a path of a file, or of its nearest parent."""
    return Problem(code=code, message=message, place=place_of(where.places, path))


def place_of(places: Mapping[KeyPath, Place], path: KeyPath) -> Place:
    """Find where a key stands, or its nearest parent."""
    while path not in places:
        path = path[:-1]
    return places[path]
