"""Reads a project folder: files -> `Project` and `MappingSpec`s, or every problem of every file at once.

project_folder  all files of a folder, read, checked and built
blocked         which objects faults block: their own, and those that refer to them
yaml_text       YAML text into values that know their places; the one door to PyYAML
schema          a document against its JSON Schema, in sentences
build           checked documents into the values of `mapping.spec`
"""

from engine.mapping.load.blocked import blocked_reason
from engine.mapping.load.project_folder import PROJECT, Loaded, load, load_sound

__all__ = ["PROJECT", "Loaded", "blocked_reason", "load", "load_sound"]
