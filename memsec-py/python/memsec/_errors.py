"""What can go wrong."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class MemsecError(Exception):
    """Why something could not be done, with the place at fault.

    ``source`` is the name of the text: a path or a command line. ``line`` and
    ``column`` count from 1. What does not apply is ``None``.
    """

    def __init__(
        self,
        message: str,
        source: str | None = None,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        # Not by super(): OSError takes the arguments for others.
        Exception.__init__(self, message, source, line, column)
        self.message = message
        self.source = source
        self.line = line
        self.column = column

    def __str__(self) -> str:
        place = [self.source, self.line, self.column]
        known = [str(part) for part in place if part is not None]
        return ":".join(known) + ": " + self.message if known else self.message


class ArgumentError(MemsecError, ValueError):
    """A value given by the caller is not one that is known."""


class ParseError(MemsecError, ValueError):
    """A text could not be read as what it is said to be."""


class HostError(MemsecError, OSError):
    """A file or a command could not be read or written.

    ``filename``, ``strerror`` and ``errno`` are those of ``OSError``; the last
    is ``None`` where no call of the system failed.
    """

    def __init__(
        self,
        message: str,
        source: str | None = None,
        line: int | None = None,
        column: int | None = None,
        errno: int | None = None,
    ) -> None:
        super().__init__(message, source, line, column)
        Exception.__init__(self, message, source, line, column, errno)
        self.filename: Any = source
        self.strerror: str | None = message
        self.errno: int | None = errno


class UnsupportedError(MemsecError):
    """It is understood, and cannot be done here."""


class StaleError(MemsecError):
    """The host is not what it was when the plan was made."""


class BusyError(MemsecError):
    """Another run holds the host, or waits for its end."""


class InternalError(MemsecError):
    """A bug in memsec."""
