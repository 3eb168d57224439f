"""Reads this host into a snapshot."""

from __future__ import annotations

import argparse
from typing import Tuple

from .arguments import Parser, declare_json, this_host
from .output import write_file


EXAMPLES = [
    ("snapshot --output host.json", "this host, to look at elsewhere"),
    ("snapshot --probe-udp", "and what a datagram brings back"),
]


def declare(parser: Parser) -> None:
    declare_json(parser)
    parser.add_argument(
        "--output", metavar="FILE", default="-", help="write it there"
    )
    parser.add_argument(
        "--probe-udp",
        action="store_true",
        help="send each daemon one datagram, and count what comes back",
    )


def run(args: argparse.Namespace) -> Tuple[int, str]:
    text = this_host(args.probe_udp).to_json() + "\n"
    if args.output == "-":
        return 0, text
    write_file(args.output, text)
    return 0, ""
