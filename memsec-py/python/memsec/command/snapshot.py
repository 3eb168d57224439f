"""Reads this host into a snapshot."""

from __future__ import annotations

import argparse
import os
from typing import Tuple

from .. import HostError, Snapshot
from .arguments import Parser, declare_json


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
    text = Snapshot.collect(probe_udp=args.probe_udp).to_json() + "\n"
    if args.output == "-":
        return 0, text
    _write(args.output, text)
    return 0, ""


def _write(path: str, text: str) -> None:
    # A snapshot tells an attacker much: only its owner may read it.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        with open(os.open(path, flags, 0o600), "wb") as file:
            file.write(text.encode())
    except OSError as error:
        raise HostError(error.strerror or str(error), path) from error
