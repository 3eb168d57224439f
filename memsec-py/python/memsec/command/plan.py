"""Plans how a host is made to obey a policy, and proves it."""

from __future__ import annotations

import argparse
from typing import Tuple

from .. import MemsecError, Plan, Policy, Render, Snapshot, audit
from .arguments import (
    Parser,
    declare_host,
    declare_json,
    declare_policy,
    host,
    policy,
)
from .output import write
from .progress import Progress


EXAMPLES = [
    ("plan --allow 10.20.0.0/24 2001:db8:1::20", "what would be done"),
    ("plan --policy policy.json --diff", "what changes in files"),
    ("plan --allow 10.20.0.0/24 --bind 10.20.0.10", "and where to listen"),
    ("plan --snapshot host.json --shell", "a script for that host"),
]


def declare(parser: Parser) -> None:
    declare_host(parser)
    declare_policy(parser)
    declare_bind(parser)
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument(
        "--diff",
        dest="form",
        action="store_const",
        const="diff",
        help="print what changes in files",
    )
    forms.add_argument(
        "--shell",
        dest="form",
        action="store_const",
        const="shell",
        help="print a script that carries it out",
    )
    forms.add_argument(
        "--form",
        metavar="FORM",
        choices=[str(form) for form in Render],
        help="print it as text, diff, shell, nft or iptables-restore",
    )
    parser.set_defaults(form="text")
    declare_json(parser)


def declare_bind(parser: Parser) -> None:
    parser.add_argument(
        "--bind",
        metavar="ADDRESS",
        action="extend",
        nargs="+",
        default=[],
        help="an address for memcached to listen on",
    )


def run(args: argparse.Namespace) -> Tuple[int, str]:
    plan = make(host(args), policy(args))
    if args.json and not plan.holds:
        write(plan.to_json() + "\n")
    must_hold(plan)
    text = plan.to_json() + "\n" if args.json else plan.render(args.form)
    return int(bool(plan)), text


def make(host: Snapshot, policy: Policy) -> Plan:
    """The plan for a host; of a large firewall it takes long."""
    with Progress("planning"):
        return audit(host, policy).plan()


def must_hold(plan: Plan) -> None:
    """Refuses a plan that is not proved."""
    if not plan.holds:
        raise MemsecError("no plan: " + _reason(plan))


def _reason(plan: Plan) -> str:
    for claim in plan.proof.claims:
        if not claim.holds:
            reason = claim.witness and claim.witness.message
            return f"{claim.claim}: {reason or 'cannot be shown'}"
    return "its proof does not hold"
