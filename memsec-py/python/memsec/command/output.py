"""Standard output, as UTF-8 whatever the locale."""

from __future__ import annotations

import sys


def write(text: str) -> None:
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()
