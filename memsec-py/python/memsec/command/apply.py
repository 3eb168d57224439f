"""Makes this host obey a policy, or leaves it as it was."""

from __future__ import annotations

import argparse
import sys
from typing import Tuple

from .. import Ended, Outcome, Plan, apply, wait
from . import runs
from .arguments import (
    Parser,
    declare_host,
    declare_policy,
    host,
    name,
    policy,
    read,
)
from .plan import by_means, declare_means, make, must_hold
from .progress import Progress


EXAMPLES = [
    (
        "apply --allow 10.20.0.0/24 --confirm 60",
        "undone unless it is confirmed",
    ),
    ("apply --policy policy.json", "for good, if it holds on this host"),
    ("apply --plan plan.json", "what memsec plan --json wrote"),
]


def declare(parser: Parser) -> None:
    declare_host(parser).add_argument(
        "--plan",
        metavar="FILE",
        help="a plan that was made for this host before; - is standard input",
    )
    declare_policy(parser)
    declare_means(parser)
    parser.add_argument(
        "--confirm",
        metavar="SECONDS",
        type=float,
        help="undo it unless it is confirmed within this time, from a new "
        "connection, by memsec confirm",
    )
    parser.add_argument(
        "--follow-links",
        action="store_true",
        help="also write files that are links, or have a second name",
    )
    runs.declare(parser)


def run(args: argparse.Namespace) -> Tuple[int, str]:
    plan = _plan(args)
    with Progress(f"carrying out {len(plan)} steps"):
        outcome = apply(
            plan,
            confirm=args.confirm,
            follow_links=args.follow_links,
            directory=args.directory,
        )
    if outcome.state is Ended.WAITING:
        _ask(outcome, args.confirm)
        with Progress("waiting for memsec confirm"):
            outcome = wait(outcome.name, directory=args.directory)
    return runs.answer(args, outcome, Ended.UNCHANGED, Ended.CONFIRMED)


def _plan(args: argparse.Namespace) -> Plan:
    if args.plan is not None:
        return Plan.from_json(read(args.plan), name(args.plan))
    plan = make(host(args), by_means(args, policy(args)))
    must_hold(plan)
    return plan


def _ask(outcome: Outcome, seconds: float) -> None:
    print(
        f"memsec: carried out. From a new connection, within {seconds:g} s:",
        f"memsec confirm {outcome.name}",
        file=sys.stderr,
        flush=True,
    )
