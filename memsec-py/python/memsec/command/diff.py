"""Says which packets get in on host B as they do not on host A."""

from __future__ import annotations

import argparse
import json
import os
from typing import Tuple

from .. import ArgumentError, Policy, Snapshot
from .._memsec import Host
from .arguments import Parser, declare_json, name, read
from .progress import Progress


EXAMPLES = [
    ("diff before.json after.json", "two snapshots"),
    ("diff / /mnt", "two trees"),
    ("diff before.json after.json --port tcp/22", "and one port that matters"),
]


def declare(parser: Parser) -> None:
    about = "a snapshot, - for standard input, or a root directory"
    parser.add_argument("before", metavar="A", help=about)
    parser.add_argument("after", metavar="B", help="the other one")
    parser.add_argument(
        "--port",
        metavar="tcp/22",
        action="extend",
        nargs="+",
        default=[],
        help="a port to ask for even if there are too many for all",
    )
    declare_json(parser)


def run(args: argparse.Namespace) -> Tuple[int, str]:
    if args.before == args.after == "-":
        raise ArgumentError("standard input can be read only once")
    policy = Policy(ports=args.port)
    before, after = _host(args.before), _host(args.after)
    with Progress("comparing"):
        answer, text = before.diff_json(after, policy)
    differs = bool(json.loads(answer)["changes"])
    return int(differs), answer + "\n" if args.json else text


def _host(path: str) -> Host:
    if path != "-" and os.path.isdir(path):
        return Host(Snapshot.read_tree(path))
    return Host(Snapshot.from_json(read(path), name(path)))
