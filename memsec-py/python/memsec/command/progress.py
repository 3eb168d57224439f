"""What a person at a terminal sees while something takes long."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Optional, Type

# Before that it is not long.
_PATIENCE = 1.0
_BETWEEN = 0.2


class Progress:
    """One line on the terminal that is standard error, if it is one, until
    the work is done; ``done`` and ``total`` count it, where it is counted."""

    def __init__(self, what: str, total: Optional[int] = None) -> None:
        self.what = what
        self.done = 0
        self.total = total
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _show(self) -> None:
        began = time.monotonic()
        if self._over.wait(_PATIENCE):
            return
        while not self._over.wait(_BETWEEN):
            self._write(self._text(time.monotonic() - began))
        self._write("")

    def _text(self, seconds: float) -> str:
        parts = [f"{seconds:.0f} s"]
        if self.done:
            whole = "" if self.total is None else f" of {self.total:,}"
            parts.insert(0, f"{self.done:,}{whole}")
        return f"memsec: {self.what}: {', '.join(parts)}"

    def _write(self, text: str) -> None:
        # Back to the start of the line, and what stood there is gone.
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
