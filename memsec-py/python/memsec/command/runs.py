"""What the commands that change this host have in common."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import Any, Tuple

from .. import Ended, Outcome
from .arguments import Parser, declare_json

_SAYS = {
    Ended.UNCHANGED: "Nothing to do.",
    Ended.CONFIRMED: "Carried out, and checked on this host.",
    Ended.WAITING: "Carried out; undone soon unless it is confirmed.",
    Ended.ROLLED_BACK: "Undone: this host is what it was.",
    Ended.ROLLBACK_FAILED: "THE ROLLBACK FAILED. This is left to do:",
    Ended.UNFINISHED: "Cut off, or under way.",
}


def declare(parser: Parser) -> None:
    parser.add_argument(
        "--directory",
        metavar="DIR",
        help="where runs are kept, instead of /var/lib/memsec",
    )
    declare_json(parser)


def members(outcome: Outcome) -> dict[str, Any]:
    """The JSON object of an outcome."""
    return {"schema": 1, **dataclasses.asdict(outcome)}


def answer(
    args: argparse.Namespace, outcome: Outcome, *good: Ended
) -> Tuple[int, str]:
    """The exit status by the states that are good, and the text."""
    status = 0 if outcome.state in good else 2
    if args.json:
        return status, json.dumps(members(outcome), indent=2) + "\n"
    return status, text(outcome)


def text(outcome: Outcome) -> str:
    lines = [f"Run {outcome.name}"] if outcome.name else []
    for number, step in enumerate(outcome.steps, 1):
        lines.append(f"{number}. {step.summary}: {step.status}")
        if step.message:
            lines.append(f"   {step.message}")
    if outcome.message:
        lines.append(f"It stopped: {outcome.message}")
    lines.append(_SAYS[outcome.state])
    lines.extend(f"- {what}" for what in outcome.left)
    return "\n".join(lines) + "\n"
