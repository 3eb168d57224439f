"""Makes this host obey a policy, or leaves it as it was."""

from __future__ import annotations

import argparse
import sys
from typing import Tuple

from .. import Ended, Outcome, Plan, Snapshot, apply, audit, wait
from . import runs
from .arguments import Parser, declare_policy, name, policy, read
from .plan import by_means, declare_means, must_hold


def declare(parser: Parser) -> None:
    parser.add_argument(
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
    outcome = apply(
        _plan(args),
        confirm=args.confirm,
        follow_links=args.follow_links,
        directory=args.directory,
    )
    if outcome.state is Ended.WAITING:
        _ask(outcome, args.confirm)
        outcome = wait(outcome.name, directory=args.directory)
    return runs.answer(args, outcome, Ended.UNCHANGED, Ended.CONFIRMED)


def _plan(args: argparse.Namespace) -> Plan:
    if args.plan is not None:
        return Plan.from_json(read(args.plan), name(args.plan))
    wanted = by_means(args, policy(args))
    plan = audit(Snapshot.collect(), wanted).plan()
    must_hold(plan)
    return plan


def _ask(outcome: Outcome, seconds: float) -> None:
    print(
        f"memsec: carried out. From a new connection, within {seconds:g} s:",
        f"memsec confirm {outcome.name}",
        file=sys.stderr,
        flush=True,
    )
