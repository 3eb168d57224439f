"""Prints what makes a shell complete this command."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Tuple

from .arguments import Parser, declare_json

EXAMPLES = [
    (
        "completion bash > /etc/bash_completion.d/memsec",
        "for every user of bash",
    ),
    (
        "completion zsh > /usr/local/share/zsh/site-functions/_memsec",
        "for every user of zsh",
    ),
    (
        "completion fish > ~/.config/fish/completions/memsec.fish",
        "for yourself, in fish",
    ),
]

SHELLS = ["bash", "fish", "zsh"]

# The tests make these files from the parser, and hold them to it.
DIRECTORY = Path(__file__).parent / "shells"


def declare(parser: Parser) -> None:
    parser.add_argument(
        "shell",
        metavar="SHELL",
        choices=SHELLS,
        help="bash, fish or zsh",
    )
    declare_json(parser)


def run(args: argparse.Namespace) -> Tuple[int, str]:
    script = (DIRECTORY / f"memsec.{args.shell}").read_text("utf-8")
    if not args.json:
        return 0, script
    document = {"schema": 1, "shell": args.shell, "script": script}
    return 0, json.dumps(document, indent=2) + "\n"
