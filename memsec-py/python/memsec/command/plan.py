"""Plans how a host is made to obey a policy, and proves it."""

from __future__ import annotations

import argparse
import json
import os
from typing import List, Tuple

from .. import (
    ArgumentError,
    MemsecError,
    Plan,
    Policy,
    Render,
    Snapshot,
    audit,
)
from .._memsec import SETTLED
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
    declare_means(parser)
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


def declare_means(parser: Parser) -> None:
    """By what a plan reaches the policy."""
    declare_bind(parser)
    parser.add_argument(
        "--by",
        metavar="STRATEGY",
        action="extend",
        nargs="+",
        default=[],
        help="only by these: daemon, guard, manager, cut",
    )
    parser.add_argument(
        "--without",
        metavar="STRATEGY",
        action="extend",
        nargs="+",
        default=[],
        help="not by these",
    )
    parser.add_argument(
        "--no-restart",
        action="store_true",
        help="memcached is not restarted: its file holds from its next start",
    )
    parser.add_argument(
        "--socket",
        metavar="PATH",
        type=_absolute,
        help="memcached listens on this unix socket, and on no port",
    )
    parser.add_argument(
        "--settle",
        metavar="ID",
        action="extend",
        nargs="+",
        default=[],
        help="settle this finding too: MEMSEC-CMD-001 to -004, "
        "MEMSEC-LOG-001, MEMSEC-LOG-002, MEMSEC-PRIV-003, MEMSEC-UDP-002",
    )
    parser.add_argument(
        "--peer",
        metavar="CONNECTION",
        help="who must not be cut off, as sshd writes SSH_CONNECTION; by "
        "default whoever is connected, where this host is read",
    )


def _absolute(path: str) -> str:
    if not os.path.isabs(path):
        raise argparse.ArgumentTypeError(f"{path!r} is not an absolute path")
    return path


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
    plan = make(host(args), by_means(args, policy(args)))
    if args.json and not plan.holds:
        write(plan.to_json() + "\n")
    must_hold(plan)
    text = plan.to_json() + "\n" if args.json else plan.render(args.form)
    return int(bool(plan)), text


def make(host: Snapshot, policy: Policy) -> Plan:
    """The plan for a host; of a large firewall it takes long."""
    with Progress("planning"):
        return audit(host, policy).plan()


def by_means(args: argparse.Namespace, policy: Policy) -> Policy:
    """The policy, and by what a plan may reach it."""
    base = json.loads(policy.to_json())
    by = args.by or base.get("by") or list(_STRATEGIES)
    unknown = [name for name in by + args.without if name not in _STRATEGIES]
    if unknown:
        names = ", ".join(_STRATEGIES)
        raise ArgumentError(f"{unknown[0]!r} is not one of {names}")
    by = [name for name in by if name not in args.without]
    if not by:
        raise ArgumentError("--without leaves no strategy")
    _known(args.settle)
    here = not (
        getattr(args, "snapshot", None) or getattr(args, "root", None)
    )
    peer = args.peer or (os.environ.get("SSH_CONNECTION") if here else None)
    more = {
        "by": by if len(by) < len(_STRATEGIES) else [],
        "restart": base.get("restart", True) and not args.no_restart,
        "socket": args.socket or base.get("socket"),
        "settle": base.get("settle", []) + args.settle,
        "peer": peer or base.get("peer"),
    }
    return Policy.from_json(json.dumps({**base, **more}), "the options")


_STRATEGIES = ("daemon", "guard", "manager", "cut")


def _known(settle: List[str]) -> None:
    """Refuses what is misspelt, or is settled by no option of memcached."""
    for name in settle:
        if name not in SETTLED:
            names = ", ".join(SETTLED)
            raise ArgumentError(f"--settle: {name!r} is not one of {names}")


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
