"""Checks lines and bodies against `schemas/payloads/`: a quick predicate first, jsonschema to name the faults.

payload_schemas  the schemas of a project, and what they refuse
predicates       the plain part of JSON Schema as a function
patterns         patterns that could search for hours
"""

from engine.mapping.payloads.payload_schemas import PayloadSchemas

__all__ = ["PayloadSchemas"]
