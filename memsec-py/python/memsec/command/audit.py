"""Says who can reach memcached, and what is wrong."""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from typing import BinaryIO, Iterator, List, Tuple

from .. import ArgumentError, HostError, MemsecError, Policy
from .. import audit as ask
from .._memsec import audit_lines
from .arguments import (
    Parser,
    declare_host,
    declare_json,
    declare_policy,
    host,
    name,
    policy,
)
from .output import write

# So many bytes of lines are read before they are audited together.
_CHUNK = 16 << 20
# So many lines, so that each core has some and the first come out soon.
_LINES = 64 * (os.cpu_count() or 1)


def declare(parser: Parser) -> None:
    declare_host(parser).add_argument(
        "--jsonl",
        metavar="FILE",
        help="read one snapshot a line, write one report a line",
    )
    declare_policy(parser)
    declare_json(parser)


def run(args: argparse.Namespace) -> Tuple[int, str]:
    wanted = policy(args)
    if args.jsonl is not None:
        if args.jsonl == args.policy == "-":
            raise ArgumentError("standard input can be read only once")
        return _run_lines(args.jsonl, wanted), ""
    report = ask(host(args), wanted)
    text = report.to_json() + "\n" if args.json else str(report)
    return int(bool(report.findings)), text


def _run_lines(path: str, wanted: Policy) -> int:
    try:
        with sys.stdin.buffer if path == "-" else open(path, "rb") as file:
            return _audit(file, wanted, path)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise HostError(error.strerror or str(error), name(path)) from error


def _audit(file: BinaryIO, wanted: Policy, path: str) -> int:
    line, bad, worst = 1, 0, 0
    for chunk in _chunks(file):
        answers = audit_lines(chunk, line, wanted)
        write("".join(text + "\n" for text, _ in answers))
        bad += sum(status == 2 for _, status in answers)
        worst = max(worst, *(status for _, status in answers))
        line += len(chunk)
    if bad:
        total = line - 1
        raise MemsecError(f"{bad} of {total} lines failed", name(path))
    return worst


def _chunks(file: BinaryIO) -> Iterator[List[bytes]]:
    while True:
        chunk, size = [], 0
        for line in itertools.islice(file, _LINES):
            chunk.append(line.rstrip(b"\r\n"))
            size += len(line)
            if size > _CHUNK:
                break
        if not chunk:
            return
        yield chunk
