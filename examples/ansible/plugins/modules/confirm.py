#!/usr/bin/python
# Copyright: the memsec authors
# MIT or Apache-2.0 (see LICENSE-MIT, LICENSE-APACHE)
"""Keeps a change that waits for a confirmation, or undoes it."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: confirm
short_description: Keep a change that waits for a confirmation, or undo it
version_added: 0.1.0
description:
  - M(memsec.memcached.harden) with O(memsec.memcached.harden#module:rollback_timeout)
    undoes its change unless it is confirmed. Run this over a new connection,
    which shows that the host can be reached. M(ansible.builtin.meta) with
    V(reset_connection) makes the next task use one.
options:
  name:
    description: The change, as M(memsec.memcached.harden) names it.
    type: str
    required: true
  state:
    description: Whether to keep the change, or to undo it now.
    type: str
    choices: [confirmed, rolled-back]
    default: confirmed
requirements:
  - memsec (Python package) on the host
attributes:
  check_mode:
    description: Says whether it would change something, and does not.
    support: full
author: The memsec authors (@memsec)
seealso:
  - module: memsec.memcached.harden
"""

EXAMPLES = r"""
- name: Keep it
  memsec.memcached.confirm:
    name: "{{ hardened.name }}"

- name: Undo it
  memsec.memcached.confirm:
    name: "{{ hardened.name }}"
    state: rolled-back
"""

RETURN = r"""
outcome:
  description: How the change ended, step by step.
  returned: always
  type: dict
  contains:
    name:
      description: The name of the change.
      type: str
      returned: always
    state:
      description: V(confirmed), V(rolled-back), or V(waiting) in check mode.
      type: str
      returned: always
    message:
      description: Why it did not go on, or null.
      type: str
      returned: always
    steps:
      description: What was done, with the status of each step.
      type: list
      elements: dict
      returned: always
    left:
      description: What is left to do by hand, where the way back failed.
      type: list
      elements: str
      returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.memsec.memcached.plugins.module_utils.policy import (
    became,
    library,
)


def settle(module, memsec):
    """Gives whether something changes, and how the run ended."""
    name, state = module.params["name"], module.params["state"]
    before = memsec.outcome(name)
    changed = before.state != state
    if module.check_mode or not changed:
        return changed, before
    end = memsec.confirm if state == "confirmed" else memsec.rollback
    outcome = end(name)
    if outcome.state != state:
        left = "; ".join(outcome.left) or "see outcome"
        module.fail_json(
            msg="run %s is %s: %s" % (name, outcome.state, left),
            outcome=became(outcome),
        )
    return changed, outcome


def main():
    module = AnsibleModule(
        argument_spec=dict(
            name=dict(type="str", required=True),
            state=dict(
                type="str",
                choices=["confirmed", "rolled-back"],
                default="confirmed",
            ),
        ),
        supports_check_mode=True,
    )
    memsec = library(module)
    try:
        changed, outcome = settle(module, memsec)
    except memsec.MemsecError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=changed, outcome=became(outcome))


if __name__ == "__main__":
    main()
