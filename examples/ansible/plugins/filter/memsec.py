# Copyright: the memsec authors
# MIT or Apache-2.0 (see LICENSE-MIT, LICENSE-APACHE)
"""Audits and plans on the controller, from a snapshot."""

from __future__ import annotations

import json

from ansible.errors import AnsibleFilterError

from ..module_utils.policy import MISSING, memsec


def _report(snapshot, policy):
    if memsec is None:
        raise AnsibleFilterError("the controller has no memsec: " + MISSING)
    if not isinstance(snapshot, (str, bytes)):
        snapshot = json.dumps(snapshot)
    try:
        return memsec.audit(
            memsec.Snapshot.from_json(snapshot),
            memsec.Policy.from_json(json.dumps(policy or {})),
        )
    except memsec.MemsecError as error:
        raise AnsibleFilterError(str(error)) from error


def audit(snapshot, policy=None):
    """Who can reach memcached, and what is wrong."""
    return json.loads(_report(snapshot, policy).to_json())


def plan(snapshot, policy=None):
    """What makes a host obey a policy."""
    return json.loads(_report(snapshot, policy).plan().to_json())


class FilterModule:
    """The filters of this file."""

    def filters(self):
        return {"audit": audit, "plan": plan}
