"""From YAML text to a program that can run.

spec             what a project and its mappings say, as values
places           where in its file a key stands, and problems that name it
load/            a project folder -> project and mappings, or every problem of every file
checks/          what project and mappings may not say although each key is right
environment      `${...}`: variables, `.env`, files; what is secret
payloads/        lines and bodies against their JSON Schema
program/         a mapping made ready to run: templates compiled, references resolved
fires            the moments that schedules name
keys_from_words  keys as people write them on the command line
"""
