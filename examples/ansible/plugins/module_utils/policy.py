# Copyright: the memsec authors
# MIT or Apache-2.0 (see LICENSE-MIT, LICENSE-APACHE)
"""The library, where it is there, and the policy that a task asks for."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import traceback

from ansible.module_utils.basic import missing_required_lib

try:
    import memsec
except ImportError:
    memsec = None
    MISSING = traceback.format_exc()
else:
    MISSING = None

OPTIONS = dict(
    allow=dict(type="list", elements="str", default=[]),
    bind=dict(type="list", elements="str", default=[]),
    udp=dict(type="bool", default=False),
    keep=dict(type="list", elements="str", default=["tcp/22"], no_log=False),
    ports=dict(type="list", elements="str", default=[]),
)


def library(module):
    """Gives the library, or ends the task with what is missing."""
    if memsec is None:
        module.fail_json(msg=missing_required_lib("memsec"), exception=MISSING)
    return memsec


def policy(library, params):
    """Makes a policy from the options of a task."""
    members = dict((name, params[name]) for name in OPTIONS)
    return library.Policy(**members)


def data(handle):
    """Gives what a handle says, as JSON has it."""
    return json.loads(handle.to_json())


def differences(plan):
    """Gives what a plan changes, in the form that diff mode shows."""
    files = [
        dict(
            before=change.before or "",
            after=change.after or "",
            before_header=path,
            after_header=path,
        )
        for path, change in sorted(plan.files().items())
    ]
    return files + commands(plan)


def commands(plan):
    """Gives what a plan runs, as one part of the diff."""
    lines = [" ".join(step.command) for step in plan.steps if step.command]
    if not lines:
        return []
    return [
        dict(
            before="",
            after="\n".join(lines) + "\n",
            before_header="commands",
            after_header="commands",
        )
    ]


def became(outcome):
    """Gives what became of a run, as JSON has it."""
    import dataclasses

    return dataclasses.asdict(outcome)


def refusal(plan):
    """Says why a plan cannot be shown to hold, with its first witness."""
    parts = [
        "%s: %s" % (claim.claim, witness(claim.witness))
        for claim in plan.proof.claims
        if not claim.holds
    ]
    return "no plan can be shown to hold: " + "; ".join(parts)


def witness(found):
    """Gives what shows that a claim does not hold."""
    return found.message if found else "it cannot be decided"
