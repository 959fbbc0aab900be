"""From YAML text to a program that can run.

spec             what a mapping says, as values
project_spec     what project.yaml says, as values
places           where in its file a key stands, and problems that name it
load/            a project folder -> project and mappings, or every problem of every file
checks/          what project and mappings may not say although each key is right
environment      `${...}`: variables, `.env`, files; what is secret
env_file         `.env`, read as a shell reads it, without expansion
payloads/        lines and bodies against their JSON Schema
program/         a mapping made ready to run: templates compiled, references resolved
fires            the moments that schedules name
keys_from_words  keys as people write them on the command line
"""

from engine.mapping.environment import Environment
from engine.mapping.fires import Fire, Pair, next_fire, next_fires, plan, schedules_of, tie_cycle
from engine.mapping.keys_from_words import is_feed, keys_of, spellings
from engine.mapping.places import place_of
from engine.mapping.project_spec import Project, connections_of, targets_of, texts_of
from engine.mapping.spec import (
    START,
    Ceiling,
    Children,
    Cron,
    Cursor,
    Guards,
    Limit,
    MappingSpec,
    Once,
    Sample,
    Schedule,
    SqlSource,
    Tied,
    Write,
)

__all__ = [
    "START",
    "Ceiling",
    "Children",
    "Cron",
    "Cursor",
    "Environment",
    "Fire",
    "Guards",
    "Limit",
    "MappingSpec",
    "Once",
    "Pair",
    "Project",
    "Sample",
    "Schedule",
    "SqlSource",
    "Tied",
    "Write",
    "connections_of",
    "is_feed",
    "keys_of",
    "next_fire",
    "next_fires",
    "place_of",
    "plan",
    "schedules_of",
    "spellings",
    "targets_of",
    "texts_of",
    "tie_cycle",
]
