"""Lists every check: how bad, why it matters, how it is found, how to fix it."""

from __future__ import annotations

import argparse
from typing import Tuple

from .. import Check, checks
from .._memsec import checks_json
from .arguments import Parser, declare_json


EXAMPLES = [
    ("checks", "every check"),
    ("checks --json", "the same for a program"),
]


def declare(parser: Parser) -> None:
    declare_json(parser)


def run(args: argparse.Namespace) -> Tuple[int, str]:
    if args.json:
        return 0, checks_json() + "\n"
    return 0, "\n".join(map(_text, checks()))


def _text(check: Check) -> str:
    return (
        f"{check.id} ({check.severity}) {check.title}\n"
        f"  here: {check.varies}\n"
        f"  why: {check.why}\n"
        f"  found by: {check.detection}\n"
        f"  fix: {check.fix}\n"
    )
