"""Says what becomes of one packet, rule by rule."""

from __future__ import annotations

import argparse
import json
from typing import Any, Callable, Dict, List, Tuple

from .. import ArgumentError, MemsecError
from .._memsec import Host
from .arguments import Parser, declare_host, declare_json, host, name, read
from .output import write
from .progress import Progress

EXAMPLES = [
    ("explain --from 192.0.2.20", "a new connection to memcached"),
    (
        "explain --from 192.0.2.20 --in eth1 --proto udp",
        "by an interface, over UDP",
    ),
    (
        "explain --snapshot host.json --from 2001:db8::7",
        "on a host that was read before",
    ),
    ("explain --packets packets.jsonl --json", "many packets, one a line"),
]

# The option, the member of the packet, and the help.
_FIELDS = [
    ("--from", "from", "ADDRESS", "where it comes from"),
    ("--to", "to", "ADDRESS", "where it goes to"),
    ("--proto", "proto", "tcp|udp|icmp", "tcp by default; or a number"),
    ("--port", "port", "N", "the port it goes to, 11211 by default"),
    ("--sport", "sport", "N", "the port it comes from"),
    ("--in", "in", "NAME", "the interface it arrives at, or local"),
    ("--state", "state", "STATE", "new, established, related or invalid"),
    ("--flags", "flags", "LETTERS", "TCP flags, of FSRPAUEC"),
    ("--icmp", "icmp", "TYPE,CODE", "a message of ICMP or ICMPv6"),
    ("--fragment", "fragment", "first|later", "a part of a datagram"),
]


def _address(text: str) -> str:
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address")
    return text


def _number(text: str, most: int) -> int:
    if not text.isdecimal() or int(text) > most:
        message = f"{text!r} is not a number from 0 to {most}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _port(text: str) -> int:
    return _number(text, 65535)


def _message(text: str) -> List[int]:
    kind, _, code = text.partition(",")
    return [_number(kind, 255), _number(code or "0", 255)]


# What is wrong is said of the option, not of a place in a packet.
_TYPES: Dict[str, Callable[[str], Any]] = {
    "from": _address,
    "to": _address,
    "port": _port,
    "sport": _port,
    "state": str.lower,
    "icmp": _message,
}

_CHOICES = {
    "state": ["new", "established", "related", "invalid"],
    "fragment": ["first", "later", "atomic"],
}


def declare(parser: Parser) -> None:
    declare_host(parser)
    for option, member, metavar, text in _FIELDS:
        parser.add_argument(
            option,
            dest="packet_" + member,
            metavar=metavar,
            type=_TYPES.get(member, str),
            choices=_CHOICES.get(member),
            help=text,
        )
    parser.add_argument(
        "--packets",
        metavar="FILE",
        help="read one packet a line, as JSON",
    )
    declare_json(parser)


def run(args: argparse.Namespace) -> Tuple[int, str]:
    packet = _packet(args)
    if args.packets is not None:
        return _run_lines(args, packet)
    if "from" not in packet:
        raise ArgumentError("one of --from and --packets is needed")
    model = Host(host(args))
    answer, text = model.explain_json(json.dumps(packet), "packet")
    return 0, answer + "\n" if args.json else text


def _packet(args: argparse.Namespace) -> Dict[str, object]:
    members = [member for _, member, _, _ in _FIELDS]
    every = {name: getattr(args, "packet_" + name) for name in members}
    return {name: given for name, given in every.items() if given is not None}


def _run_lines(
    args: argparse.Namespace, packet: Dict[str, object]
) -> Tuple[int, str]:
    if packet:
        raise ArgumentError("--packets has the packets: give no other")
    if args.packets == args.snapshot == "-":
        raise ArgumentError("standard input can be read only once")
    model, bad = Host(host(args)), 0
    lines = read(args.packets).splitlines()
    with Progress("packets explained", len(lines)) as progress:
        for number, line in enumerate(lines, 1):
            answers = _answer(model, line, number)
            bad += len(answers) == 1
            write(answers[0] if args.json else answers[-1])
            progress.done = number
    if bad:
        message = f"{bad} of {len(lines)} lines failed"
        raise MemsecError(message, name(args.packets))
    return 0, ""


def _answer(model: Host, line: bytes, number: int) -> List[str]:
    """A line of JSON, and text; for an error only the first."""
    try:
        answer, text = model.explain_json(line.decode(), "packet")
    except (MemsecError, UnicodeError) as error:
        fault = {"message": str(error), "line": number}
        return [json.dumps({"schema": 1, "error": fault}) + "\n"]
    compact = json.dumps(json.loads(answer), separators=(",", ":"))
    return [compact + "\n", text]
