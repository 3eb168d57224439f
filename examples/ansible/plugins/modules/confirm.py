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
    description: In check mode nothing waits, so nothing is confirmed.
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
  description: How the change ended.
  returned: when not in check mode
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.memsec.memcached.plugins.module_utils.policy import (
    data,
    library,
)


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
    if module.check_mode:
        module.exit_json(changed=True)
    ends = {"confirmed": memsec.confirm, "rolled-back": memsec.rollback}
    try:
        outcome = ends[module.params["state"]](module.params["name"])
    except memsec.MemsecError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=True, outcome=data(outcome))


if __name__ == "__main__":
    main()
