"""When runs start.

due              what starts now: a pure function of time and state
scheduler        the loop around it: clock, threads, sleep
service          objects run once, or by their schedules until told to stop
blocked_objects  objects that faults of files keep from running
lock             the lock of the one scheduler of a state folder
watch_requests   tells of requests while runs work, from the journal
"""

from engine.schedule.blocked_objects import blocked
from engine.schedule.lock import scheduler_of
from engine.schedule.service import Service, exit_code, log_request, overall, run_once, worst
from engine.schedule.watch_requests import Follower

__all__ = ["Follower", "Service", "blocked", "exit_code", "log_request", "overall", "run_once", "scheduler_of", "worst"]
