"""The manual page, from what the parser of the command knows."""

import argparse

from memsec.__main__ import _examples

HEAD = """.TH MEMSEC 1 "" memsec "User Commands"
.SH NAME
memsec \\- who can reach memcached on this host
.SH SYNOPSIS
.B memsec
.I COMMAND
.RI [ OPTION " ...]"
.SH DESCRIPTION
memsec reads memcached's configuration as its launcher does and the firewall
as the kernel does, says exactly which networks can reach memcached, and makes
a plan that leaves only the clients that are meant to, with a proof that it
does that and nothing else.
Nothing is changed but by
.B memsec apply
and
.BR "memsec rollback" .
.SH COMMANDS
"""

TAIL = """.SH EXIT STATUS
.TP
.B 0
There is nothing to say.
.TP
.B 1
There are findings, a plan with steps, a difference, or a run to finish.
.TP
.B 2
Something went wrong, or a plan was not carried out.
.SH ENVIRONMENT
.TP
.BR NO_COLOR ", " CLICOLOR ", " CLICOLOR_FORCE
Whether the report of
.B memsec audit
has colours; without them it has where it goes to a terminal.
.SH FILES
.TP
.I /var/lib/memsec
What was carried out on this host, and how each run is undone.
.TP
.IR /etc/memsec ", " /etc/systemd/system/memsec-guard.service
The table of memsec's own that a plan may add to the firewall.
"""


def quoted(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return text.replace("'", "\\(aq")


def argument(action):
    """One argument, with its help."""
    metavar = action.metavar or ""
    names = ", ".join(f"\\fB{quoted(it)}\\fR" for it in action.option_strings)
    value = f"\\fI{quoted(metavar)}\\fR" if metavar else ""
    more = " ..." if action.nargs == "+" else ""
    head = f"{names} {value}{more}".strip()
    return f".TP\n{head}\n{quoted(action.help)}.\n"


def example(line, purpose):
    return f".TP\n.B {quoted('memsec ' + line)}\n{quoted(purpose)}.\n"


def section(name, module, parser):
    """One command: what it does, its arguments, its examples."""
    wanted = [it for it in parser._actions if it.dest != "help"]
    text = f".SS memsec {name}\n{quoted(module.__doc__)}\n"
    text += "".join(map(argument, wanted))
    text += ".PP\nExamples:\n"
    return text + "".join(example(*it) for it in _examples(module))


def page(commands, parser):
    (choices,) = [
        action.choices
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    sections = (section(name, it, choices[name]) for name, it in commands)
    return HEAD + "".join(sections) + TAIL
