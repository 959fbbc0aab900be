"""Turns what SQLAlchemy and drivers raise into our errors, in words that name the connection and the remedy."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from engine.connections.pausing import PAUSING
from engine.connections.settings import TimeOuts
from engine.connections.sql.driver_errors import Fault, RecordRefused, fault_of, sentence_of
from engine.connections.sql.driver_thread import BrokenOff, Why
from engine.connections.sql.login_errors import Shut, lacks_library, shut_of
from engine.values import ConfigError, RunError, TargetError, UnavailableError, redact

T = TypeVar("T")

_MYSQL_DUPLICATE_COLUMN = 1060  # of a subquery


class Translation:
    """The words of one connection."""

    def __init__(self, name: str, engine: sa.Engine, limits: TimeOuts) -> None:
        self._name, self._engine, self._limits = name, engine, limits

    def opening(self, work: Callable[[], T], unavailable: type[UnavailableError]) -> T:
        """Do what opens a connection. Raises ConfigError, RunError (E_STOPPED), or `unavailable`."""
        try:
            return work()
        except BrokenOff as error:
            if error.why is Why.STOPPED:
                raise self._stopped() from error
            sentence = f"no answer within {self._limits.connect_seconds:g} s (time_outs.connect_seconds)"
            raise self.unreachable(sentence, unavailable) from error
        except sa.exc.DBAPIError as error:
            raise self._shut(error.orig or error, unavailable) from error.orig
        except Exception as error:
            raise self._shut(error, unavailable) from error

    def working(
        self, work: Callable[[], T], connection: sa.Connection, unavailable: type[UnavailableError], when: str = ""
    ) -> T:
        """Do what is done with an open connection; `when`: words for how far it had come.

        Raises RunError, RecordRefused where a record was to be written, or `unavailable`.
        """
        dbapi_error = self._engine.dialect.loaded_dbapi.Error
        try:
            return work()
        except BrokenOff as error:
            if error.why is Why.STOPPED:
                raise self._stopped() from error
            sentence = f"no answer to a statement within {self._limits.statement_seconds:g} s"
            message = f"connection {self._name} failed{when}: {sentence}; see to the database, or raise"
            raise unavailable(f"{message} time_outs.statement_seconds", code="E_TIME_OUT") from error
        except sa.exc.DBAPIError as error:
            raise self._worked(error.orig or error, connection, unavailable, when) from error.orig
        except (dbapi_error, ValueError, OverflowError) as error:
            raise self._worked(error, connection, unavailable, when) from error
        except sa.exc.SQLAlchemyError as error:  # a parameter is missing
            sentence = sentence_of(getattr(error, "orig", None) or error)
            raise self.at_fault("E_QUERY", f"{sentence}; write a colon that is no parameter as \\:") from error

    def unreachable(self, sentence: str, unavailable: type[UnavailableError]) -> UnavailableError:
        """Say that no connection comes about, and that it is not for our credentials."""
        message = f"connection {self._name} cannot be reached: {sentence}; check its url and that its database is up"
        return unavailable(message, code="E_UNREACHABLE", connection=self._name)

    def at_fault(self, code: str, sentence: str) -> RunError:
        """Say what is wrong with a query, a statement or their data."""
        return RunError(f"connection {self._name}: {sentence}", code=code)

    def _shut(self, error: BaseException, unavailable: type[UnavailableError]) -> Exception:
        sentence = self._without_password(sentence_of(error))
        match shut_of(error, self._engine.dialect):
            case Shut.CREDENTIALS:
                message = f"connection {self._name}: the database refuses our login ({sentence}): "
                return unavailable(message + PAUSING["E_CREDENTIALS"], code="E_CREDENTIALS", connection=self._name)
            case Shut.OPTION:
                message = f"connections.{self._name}.url: {_option(sentence)}; correct it"
                return ConfigError(message, code="E_URL")
            case Shut.LIBRARY:
                message = lacks_library(self._name, self._engine.dialect.driver, sentence)
                return ConfigError(message, code="E_NO_DRIVER")
        return self.unreachable(sentence, unavailable)

    def _worked(
        self, error: BaseException, connection: sa.Connection, unavailable: type[UnavailableError], when: str
    ) -> Exception:
        sentence = self._without_password(sentence_of(error))
        writes = unavailable is TargetError
        fault = fault_of(error, connection, writes=writes)
        if fault is Fault.UNAVAILABLE:
            message = f"connection {self._name} failed{when}: {sentence}; the next run tries again"
            return unavailable(message, code="E_LOST")
        if fault is Fault.LOCKED:
            message = (
                f"connection {self._name}: another session of the database held what was needed for longer than "
                f"{self._limits.lock_seconds:g} s (time_outs.lock_seconds): {sentence}; the next run tries again"
            )
            return unavailable(message, code="E_LOCKED")
        if fault is Fault.READ_ONLY:
            return self.at_fault("E_QUERY", f"{sentence}; a source is only read: take out of its query what writes")
        if fault is Fault.QUERY:
            duplicate = error.args[:1] == (_MYSQL_DUPLICATE_COLUMN,)
            return self.at_fault("E_DUPLICATE_COLUMN" if duplicate else "E_QUERY", sentence)
        if writes:
            return RecordRefused(sentence)
        return self.at_fault("E_DATA", f"{sentence}; convert the column in the query, such as CAST(... AS text)")

    def _stopped(self) -> RunError:
        message = f"connection {self._name}: the run was stopped while its database was at work"
        return RunError(message, code="E_STOPPED")

    def _without_password(self, sentence: str) -> str:
        """Hide the password."""
        password = self._engine.url.password
        return redact(sentence, [str(password)]) if password else sentence


def _option(sentence: str) -> str:
    """Say what is wrong with an option, without the driver's own code where it is only unknown."""
    unknown = re.search(r"unexpected keyword argument '(\w+)'", sentence)
    if unknown:
        return f"its driver does not know an option of the url: {unknown[1]}"
    return f"its driver cannot use an option of the url: {sentence}"
