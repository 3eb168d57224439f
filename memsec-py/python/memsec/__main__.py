"""The ``memsec`` command."""

from __future__ import annotations

import os
import sys
from typing import List, Optional, Tuple

from . import MemsecError, __version__
from .command import (
    apply,
    audit,
    checks,
    confirm,
    diff,
    explain,
    history,
    plan,
    rollback,
    snapshot,
    verify,
)
from .command.arguments import Parser
from .command.output import write

_COMMANDS = [
    ("snapshot", snapshot),
    ("audit", audit),
    ("plan", plan),
    ("explain", explain),
    ("apply", apply),
    ("confirm", confirm),
    ("rollback", rollback),
    ("history", history),
    ("diff", diff),
    ("verify", verify),
    ("checks", checks),
]

_STATUS = (
    "Exit status: 0 nothing to say, 1 findings, a plan with steps, a "
    "difference, a plan that is refuted or a run to finish, 2 an error, or a plan that was not carried out."
)


def _parser() -> Parser:
    parser = Parser(
        prog="memsec",
        description="Who can reach memcached on this host?",
        epilog=_STATUS,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(
        metavar="COMMAND", dest="command", required=True
    )
    for name, module in _COMMANDS:
        about = module.__doc__
        command = commands.add_parser(
            name, help=about, description=about, epilog=_STATUS
        )
        command.set_defaults(run=module.run)
        module.declare(command)
    return parser


def _run(arguments: Optional[List[str]]) -> Tuple[int, str]:
    args = _parser().parse_args(arguments)
    answer: Tuple[int, str] = args.run(args)
    return answer


def _one_line(text: str) -> str:
    shown = (c if c.isprintable() else repr(c)[1:-1] for c in text)
    return "".join(shown)


def _be_quiet() -> None:
    # What is still buffered has no reader; Python flushes it at exit.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def main(arguments: Optional[List[str]] = None) -> int:
    """Runs the command and gives its exit status."""
    status = 0
    try:
        status, text = _run(arguments)
        write(text)
    except BrokenPipeError:
        _be_quiet()
    except KeyboardInterrupt:
        return 130
    except (MemsecError, OSError, ValueError) as error:
        print("memsec:", _one_line(str(error)), file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main())
