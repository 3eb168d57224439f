"""Where the output goes, and what it can show there."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Optional

from .arguments import unreadable


def write(text: str) -> None:
    """Standard output, as UTF-8 whatever the locale."""
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def write_file(path: str, text: str) -> None:
    """A file of its own that only its owner may read: what is known of a
    host tells an attacker much."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        with open(os.open(path, flags, 0o600), "wb") as file:
            file.write(text.encode())
    except OSError as error:
        raise unreadable(path, error) from error


def color() -> bool:
    """Whether colours are wanted, by no-color.org and then by
    bixense.com/clicolors."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    wanted = os.environ.get("CLICOLOR", "1") != "0"
    plain = os.environ.get("TERM") in (None, "", "dumb")
    return wanted and not plain and sys.stdout.isatty()


def width() -> Optional[int]:
    """The columns of the terminal, where there is one."""
    if not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns
