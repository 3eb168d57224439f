#!/usr/bin/python
# Copyright: the memsec authors
# MIT or Apache-2.0 (see LICENSE-MIT, LICENSE-APACHE)
"""Who can reach memcached, as facts."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: facts
short_description: Who can reach memcached on a host, and what is wrong
version_added: 0.1.0
description:
  - Reads memcached's configuration, its daemons and the firewall of a host,
    and says exactly who can reach memcached.
  - Nothing is changed.
extends_documentation_fragment: memsec.memcached.policy
attributes:
  check_mode:
    description: It changes nothing.
    support: full
author: The memsec authors (@memsec)
seealso:
  - module: memsec.memcached.harden
"""

EXAMPLES = r"""
- name: Who can reach memcached
  memsec.memcached.facts:
    allow: [192.0.2.20, "2001:db8:1::20"]

- name: Stop where the internet can
  ansible.builtin.assert:
    that: memsec.exposures | rejectattr('scope', 'ne', 'internet') is falsy
"""

RETURN = r"""
ansible_facts:
  description: The report.
  returned: always
  type: dict
  contains:
    memsec:
      description: Instances, exposures, findings and what is not known.
      type: dict
      returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.memsec.memcached.plugins.module_utils.policy import (
    OPTIONS,
    data,
    library,
    policy,
)


def main():
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    memsec = library(module)
    try:
        wanted = policy(memsec, module.params)
        report = memsec.audit(memsec.Snapshot.collect(), wanted)
    except memsec.MemsecError as error:
        module.fail_json(msg=str(error))
    module.exit_json(ansible_facts=dict(memsec=data(report)))


if __name__ == "__main__":
    main()
