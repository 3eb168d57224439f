#!/usr/bin/python
# Copyright: the memsec authors
# MIT or Apache-2.0 (see LICENSE-MIT, LICENSE-APACHE)
"""Lets only the clients of a policy reach memcached."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: harden
short_description: Let only the clients that are named reach memcached
version_added: 0.1.0
description:
  - Makes a plan by which only the clients that are named reach memcached,
    over IPv4 and IPv6, TCP and UDP, now and after a reboot, and carries it
    out.
  - A plan is carried out only where it is shown that nothing else on the
    host changes, and that the accesses in O(keep) survive. If it cannot be
    shown, the task fails with a packet that shows why.
  - There is a change only if the arguments of the daemon or the packets that
    are accepted change.
extends_documentation_fragment: memsec.memcached.policy
options:
  rollback_timeout:
    description:
      - So many seconds after the change the host undoes it by itself, unless
        M(memsec.memcached.confirm) ran before. The clock runs on the host,
        and does not need the connection of the controller.
      - With 0 the change stays.
    type: int
    default: 0
  where:
    description:
      - With V(host), memsec runs on the host.
      - With V(controller), memsec runs on the controller only. The host
        needs no more than an old Python; it gives a snapshot, and is given a
        script. The script undoes its steps if one fails, and cannot wait
        for a confirmation.
    type: str
    choices: [host, controller]
    default: host
attributes:
  check_mode:
    description: Makes the plan, and changes nothing.
    support: full
  diff_mode:
    description: Shows each file before and after, and the commands.
    support: full
author: The memsec authors (@memsec)
seealso:
  - module: memsec.memcached.confirm
  - module: memsec.memcached.facts
"""

EXAMPLES = r"""
- name: Nobody but the host itself
  memsec.memcached.harden:

- name: Two clients, undone after a minute unless it is confirmed
  memsec.memcached.harden:
    allow: [192.0.2.20, "2001:db8:1::20"]
    rollback_timeout: 60
  register: hardened

- name: Go on by a new connection
  ansible.builtin.meta: reset_connection

- name: Keep it
  memsec.memcached.confirm:
    name: "{{ hardened.name }}"
  when: hardened.name is not none
"""

RETURN = r"""
plan:
  description: The steps, and the proof.
  returned: always
  type: dict
name:
  description: What M(memsec.memcached.confirm) is to be given, or null.
  returned: always
  type: str
outcome:
  description: What was done, step by step, and how it ended.
  returned: when something was done
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.memsec.memcached.plugins.module_utils.policy import (
    OPTIONS,
    became,
    data,
    differences,
    library,
    policy,
    refusal,
)


def harden(module, memsec):
    """Gives the results of the task."""
    wanted = policy(memsec, module.params)
    plan = memsec.audit(memsec.Snapshot.collect(), wanted).plan()
    if not plan.holds:
        module.fail_json(msg=refusal(plan), plan=data(plan))
    results = dict(
        changed=bool(plan),
        plan=data(plan),
        diff=differences(plan),
        name=None,
    )
    if plan and not module.check_mode:
        timeout = module.params["rollback_timeout"] or None
        outcome = memsec.apply(plan, confirm=timeout)
        waits = outcome.state == "waiting"
        results.update(
            outcome=became(outcome),
            name=outcome.name if waits else None,
        )
        if not waits and outcome.state not in ("confirmed", "unchanged"):
            reason = outcome.message or outcome.state
            module.fail_json(msg=str(reason), **results)
    return results


def main():
    module = AnsibleModule(
        argument_spec=dict(
            OPTIONS,
            rollback_timeout=dict(type="int", default=0),
            where=dict(
                type="str", choices=["host", "controller"], default="host"
            ),
        ),
        supports_check_mode=True,
    )
    memsec = library(module)
    try:
        results = harden(module, memsec)
    except memsec.MemsecError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**results)


if __name__ == "__main__":
    main()
