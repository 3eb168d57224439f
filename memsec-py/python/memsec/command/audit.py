"""Says who can reach memcached, and what is wrong."""

from __future__ import annotations

import argparse
import os
import sys
from typing import BinaryIO, Iterator, List, Optional, Tuple

from .. import ArgumentError, MemsecError, Policy, Report
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
    unreadable,
)
from .output import color, width, write, write_file
from .progress import Progress

EXAMPLES = [
    ("audit", "this host"),
    ("audit --snapshot host.json", "a host that was read before"),
    ("audit --root /mnt", "a disk, a container, an unpacked image"),
    ("audit --allow 10.20.0.0/24", "its clients are known"),
    ("audit --port tcp/6379", "another port as well"),
    ("audit --html report.html", "a page for a browser"),
    ("audit --jsonl fleet.jsonl", "many hosts, one a line, on every core"),
]

# So many bytes of lines are read before they are audited together.
_CHUNK = 16 << 20
# So many lines, so that each core has some and the first come out soon.
_LINES = 64 * (os.cpu_count() or 1)
# A line with more bytes is not read: it must fit into memory some times.
_LONGEST = 256 << 20


def declare(parser: Parser) -> None:
    declare_host(parser).add_argument(
        "--jsonl",
        metavar="FILE",
        help="read one snapshot a line, write one report a line",
    )
    declare_policy(parser)
    parser.add_argument(
        "--html",
        metavar="FILE",
        help="write a page for a browser there; - is standard output",
    )
    forms = parser.add_mutually_exclusive_group()
    declare_json(forms)
    forms.add_argument(
        "--sarif",
        action="store_true",
        help="print SARIF 2.1.0, for code hosts and CI",
    )


def run(args: argparse.Namespace) -> Tuple[int, str]:
    _check(args)
    wanted = policy(args)
    if args.jsonl is not None:
        return _run_lines(args.jsonl, wanted), ""
    found = host(args)
    with Progress("auditing"):
        report = ask(found, wanted)
    text = _page(report, args.html)
    live = any(found.accepted is None for found in report.findings)
    return int(live), text or _text(report, args)


def _check(args: argparse.Namespace) -> None:
    if args.jsonl == args.policy == "-":
        raise ArgumentError("standard input can be read only once")
    if args.jsonl is not None and (args.html is not None or args.sarif):
        raise ArgumentError("--jsonl writes JSON: give no other form")
    if args.html == "-" and (args.json or args.sarif):
        raise ArgumentError("standard output has room for one form only")


def _page(report: Report, path: Optional[str]) -> str:
    """Writes the page, if one is wanted; gives it for standard output."""
    if path is None:
        return ""
    with Progress("planning"):
        page = report.to_html(report.plan())
    if path == "-":
        return page
    write_file(path, page)
    return ""


def _text(report: Report, args: argparse.Namespace) -> str:
    if args.json:
        return report.to_json() + "\n"
    if args.sarif:
        return report.to_sarif() + "\n"
    return report.to_text(color=color(), width=width())


def _run_lines(path: str, wanted: Policy) -> int:
    try:
        with sys.stdin.buffer if path == "-" else open(path, "rb") as file:
            return _audit(file, wanted, path)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unreadable(name(path), error) from error


def _audit(file: BinaryIO, wanted: Policy, path: str) -> int:
    line, bad, worst = 1, 0, 0
    with Progress("snapshots audited") as progress:
        for chunk in _chunks(file):
            answers = audit_lines(chunk, line, wanted)
            write("".join(text + "\n" for text, _ in answers))
            bad += sum(status == 2 for _, status in answers)
            worst = max(worst, *(status for _, status in answers))
            line += len(chunk)
            progress.done = line - 1
    if bad:
        total = line - 1
        raise MemsecError(f"{bad} of {total} lines failed", name(path))
    return worst


def _chunks(file: BinaryIO) -> Iterator[List[Optional[bytes]]]:
    chunk: List[Optional[bytes]] = []
    size = 0
    for line in _lines(file):
        chunk.append(line)
        size += len(line or b"")
        if size > _CHUNK or len(chunk) == _LINES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _lines(file: BinaryIO) -> Iterator[Optional[bytes]]:
    """The lines; of one that is too long only that it is there."""
    while line := file.readline(_LONGEST):
        whole = line.endswith(b"\n") or len(line) < _LONGEST
        yield line.rstrip(b"\r\n") if whole else None
        while not whole:
            rest = file.readline(1 << 20)
            whole = rest.endswith(b"\n") or not rest
