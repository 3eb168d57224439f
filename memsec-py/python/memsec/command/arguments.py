"""Arguments that several subcommands have, and what they stand for."""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn

from .. import ArgumentError, HostError, Policy, Snapshot
from .progress import Progress


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, by the way of all errors, and
    whose examples stay lines."""

    def __init__(self, **options: Any) -> None:
        layout = argparse.RawDescriptionHelpFormatter
        super().__init__(formatter_class=layout, **options)

    def error(self, message: str) -> NoReturn:
        raise ArgumentError(message)


def read(path: str) -> bytes:
    """A whole file, or standard input for "-"."""
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: str, error: OSError) -> HostError:
    """Why a file could not be read or written, as all errors are said."""
    reason = error.strerror or str(error)
    return HostError(reason, path, errno=error.errno)


def name(path: str) -> str:
    """What a file is called in errors."""
    return "standard input" if path == "-" else path


def declare_host(parser: Parser) -> Any:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--snapshot",
        metavar="FILE",
        help="a snapshot, instead of this host; - is standard input",
    )
    group.add_argument(
        "--root",
        metavar="DIR",
        help="the root directory of a host, instead of this one",
    )
    return group


def host(args: argparse.Namespace) -> Snapshot:
    """The snapshot that the arguments stand for."""
    if args.snapshot is not None:
        text = read(args.snapshot)
        return Snapshot.from_json(text, name(args.snapshot))
    if args.root is not None:
        with Progress(f"reading {args.root}"):
            return Snapshot.read_tree(args.root)
    return this_host()


def this_host(probe_udp: bool = False) -> Snapshot:
    """What is on this host now."""
    with Progress("reading this host"):
        return Snapshot.collect(probe_udp=probe_udp)


def declare_policy(parser: Parser) -> None:
    parser.add_argument("--policy", metavar="FILE", help="who may connect")
    parser.add_argument(
        "--allow",
        metavar="CIDR",
        action="extend",
        nargs="+",
        default=[],
        help="clients that may connect",
    )
    parser.add_argument(
        "--port",
        metavar="tcp/22",
        action="extend",
        nargs="+",
        default=[],
        help="a further port to answer for",
    )


def policy(args: argparse.Namespace) -> Policy:
    """The policy that the arguments stand for."""
    base = Policy()
    if args.policy is not None:
        text = read(args.policy)
        base = Policy.from_json(text, name(args.policy))
    bind = getattr(args, "bind", [])
    return base.add(allow=args.allow, bind=bind, ports=args.port)


def declare_json(parser: Any) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
