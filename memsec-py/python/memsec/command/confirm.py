"""Makes a run stay that waits for its confirmation."""

from __future__ import annotations

import argparse
from typing import Tuple

from .. import Ended, confirm
from . import runs
from .arguments import Parser


EXAMPLES = [
    ("confirm 7", "from a new connection"),
]


def declare(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME", help="the name of the run")
    runs.declare(parser)


def run(args: argparse.Namespace) -> Tuple[int, str]:
    outcome = confirm(args.name, directory=args.directory)
    return runs.answer(args, outcome, Ended.CONFIRMED)
