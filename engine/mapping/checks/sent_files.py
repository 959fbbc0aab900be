"""Files: each is sent by a request of one record, and each request's file is one of the mapping."""

from __future__ import annotations

from collections.abc import Iterator

from engine.mapping.checks.names.scopes import request_path
from engine.mapping.places import problem
from engine.mapping.project_spec import Project
from engine.mapping.spec import MappingSpec, Operation
from engine.values import Change, Problem, suggestion


def root_problems(mapping: MappingSpec, project: Project) -> Iterator[Problem]:
    """Find files that a row names although nothing says where they lie: it could name any file of the machine."""
    if project.files_root is None:
        for name, each in mapping.files.items():
            if each.path is not None:
                message = f"`{name}`: a row could name any file of this machine: set `files_root` in project.yaml"
                yield problem(mapping, "E_ANY_FILE", message, "files", name)


def file_problems(mapping: MappingSpec) -> Iterator[Problem]:
    """Find files that cannot be sent, and those that never are."""
    sent = set()
    for index, operation in enumerate(mapping.send):
        for step, request in enumerate(operation.requests):
            if request.file is None:
                continue
            sent.add(request.file)
            if fault := _fault(mapping, operation, request.file):
                yield problem(mapping, "E_FILE", fault, *request_path(mapping, index, step), "file")
    for name in mapping.files.keys() - sent if mapping.send else ():
        message = f"`{name}` is never sent: name it as `file` of a request, or remove it"
        yield problem(mapping, "E_FILE", message, "files", name)


def _fault(mapping: MappingSpec, operation: Operation, name: str) -> str | None:
    if name not in mapping.files:
        remedy = suggestion(name, mapping.files) or f': add `files: {{{name}: "{{{{ path }}}}"}}`'
        return f"unknown file `{name}`{remedy}"
    if operation.many:
        return "`file` needs one record a request, but the request names `lines` or `removed`"
    if operation.on == {Change.REMOVED}:
        return "a removed record has no file: remove `file`"
    return None
