"""Lists the runs of this host, the latest first."""

from __future__ import annotations

import argparse
import json
import os
from typing import List, Tuple

from .. import Outcome, outcome
from . import runs
from .arguments import Parser, unreadable

EXAMPLES = [
    ("history", "every run of this host"),
]

# Where runs are kept if nothing else is said.
_DIRECTORY = "/var/lib/memsec"


def declare(parser: Parser) -> None:
    runs.declare(parser)


def run(args: argparse.Namespace) -> Tuple[int, str]:
    found = _all(args.directory or _DIRECTORY)
    if args.json:
        listed = [runs.members(one) for one in found]
        document = {"schema": 1, "runs": listed}
        return 0, json.dumps(document, indent=2) + "\n"
    texts = [runs.text(one) for one in found]
    return 0, "\n".join(texts) or "Nothing was carried out yet.\n"


def _all(directory: str) -> List[Outcome]:
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unreadable(directory, error) from error
    numbers = sorted(map(int, filter(str.isdecimal, names)), reverse=True)
    return [outcome(str(name), directory=directory) for name in numbers]
