"""Objects that do not run, as their files or those of objects that they refer to have faults."""

from __future__ import annotations

from engine.mapping.load import blocked_reason
from engine.run import App
from engine.values import Counts, Exit, Failure, ObjectResult, Status


def blocked(app: App, run_id: str) -> list[ObjectResult]:
    """Give the results of the objects that faults of files keep from running."""
    now = app.clock()
    return [
        ObjectResult(
            object=name,
            run_id=run_id,
            status=Status.SKIPPED,
            counts=Counts(),
            started_at=now,
            duration_seconds=0.0,
            failure=Failure(code="E_BLOCKED", message=blocked_reason(problems), exit=int(Exit.CONFIG)),
        )
        for name, problems in app.loaded.held_up.items()
    ]
