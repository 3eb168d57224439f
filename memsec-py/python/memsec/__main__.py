"""The ``memsec`` command."""

from __future__ import annotations

import os
import sys
import textwrap
from types import ModuleType
from typing import List, Optional, Tuple

from . import MemsecError, __version__
from .command import (
    apply,
    audit,
    checks,
    completion,
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
    ("completion", completion),
]

_ABOUT = "Who can reach memcached on this host, and what makes that right."

_STATUS = (
    "Exit status: 0 nothing to say, 1 findings, a plan with steps, a "
    "difference, a plan that is refuted or a run to finish, 2 an error, or a plan that was not carried out."
)

_TOGETHER = (
    'Each command takes --json, and says more by "memsec COMMAND --help".'
)


def parser() -> Parser:
    """The parser of the command line; all help is made from it."""
    firsts = [it for _, module in _COMMANDS for it in _examples(module)[:1]]
    made = Parser(
        prog="memsec",
        description=_ABOUT,
        epilog=_epilog(firsts, _TOGETHER, _STATUS),
    )
    made.add_argument("--version", action="version", version=__version__)
    commands = made.add_subparsers(
        metavar="COMMAND", dest="command", required=True
    )
    for name, module in _COMMANDS:
        command = commands.add_parser(
            name,
            help=module.__doc__,
            description=module.__doc__,
            epilog=_epilog(_examples(module), _STATUS),
        )
        command.set_defaults(run=module.run)
        module.declare(command)
    return made


def _examples(command: ModuleType) -> List[Tuple[str, str]]:
    return list(getattr(command, "EXAMPLES", ()))


def _epilog(examples: List[Tuple[str, str]], *texts: str) -> str:
    """Examples, each with what it is for, and paragraphs."""
    lines = ["examples:"]
    for line, purpose in examples:
        lines += [f"  # {purpose}", f"  memsec {line}"]
    paragraphs = [textwrap.fill(text, 78) for text in texts]
    return "\n\n".join(["\n".join(lines), *paragraphs])


def _run(arguments: Optional[List[str]]) -> Tuple[int, str]:
    args = parser().parse_args(arguments)
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
