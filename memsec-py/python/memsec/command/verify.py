"""Replays a plan's proof with an independent checker."""

from __future__ import annotations

import argparse
import json
from typing import Tuple

from .. import ArgumentError, Plan, Snapshot
from .arguments import Parser, declare_json, name, read

EXAMPLES = [
    ("verify plan.json", "whether what memsec plan --json wrote holds"),
    ("verify plan.json --snapshot host.json", "for a large firewall"),
]


def declare(parser: Parser) -> None:
    parser.add_argument(
        "plan", metavar="PLAN", help="a plan as JSON; - is standard input"
    )
    parser.add_argument(
        "--snapshot",
        metavar="FILE",
        help="what it was made from: texts of rules may be too long for it",
    )
    declare_json(parser)


def run(args: argparse.Namespace) -> Tuple[int, str]:
    if args.plan == args.snapshot == "-":
        raise ArgumentError("standard input can be read only once")
    plan = Plan.from_json(read(args.plan), name(args.plan))
    snapshot = None
    if args.snapshot is not None:
        text = read(args.snapshot)
        snapshot = Snapshot.from_json(text, name(args.snapshot))
    answer, said = plan.verify_json(snapshot)
    holds = json.loads(answer)["holds"]
    return int(not holds), answer + "\n" if args.json else said
