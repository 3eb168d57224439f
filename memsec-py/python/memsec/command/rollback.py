"""Undoes a run; without a name, lists the runs that are not finished."""

from __future__ import annotations

import argparse
import json
from typing import Tuple

from .. import Ended, pending, rollback
from . import runs
from .arguments import Parser


EXAMPLES = [
    ("rollback", "what is not finished"),
    ("rollback 7", "undo it"),
]


def declare(parser: Parser) -> None:
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="the name of the run"
    )
    runs.declare(parser)


def run(args: argparse.Namespace) -> Tuple[int, str]:
    if args.name is None:
        return _pending(args)
    outcome = rollback(args.name, directory=args.directory)
    return runs.answer(args, outcome, Ended.ROLLED_BACK)


def _pending(args: argparse.Namespace) -> Tuple[int, str]:
    found = pending(directory=args.directory)
    status = int(bool(found))
    if args.json:
        listed = [runs.members(outcome) for outcome in found]
        document = {"schema": 1, "pending": listed}
        return status, json.dumps(document, indent=2) + "\n"
    texts = [runs.text(outcome) for outcome in found]
    return status, "\n".join(texts) or "No run is to be finished.\n"
