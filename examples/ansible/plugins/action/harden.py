# Copyright: the memsec authors
# MIT or Apache-2.0 (see LICENSE-MIT, LICENSE-APACHE)
"""Runs harden on the host, or on the controller for the host."""

from __future__ import annotations

import json

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..module_utils.policy import (
    MISSING,
    OPTIONS,
    data,
    differences,
    memsec,
    policy,
    refusal,
)


class ActionModule(ActionBase):
    """Where the task asks for the controller, only a script goes out."""

    def run(self, tmp=None, task_vars=None):
        results = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if arguments.get("where", "host") == "host":
            done = self._execute_module(
                "memsec.memcached.harden", arguments, task_vars=task_vars
            )
        else:
            done = self._from_here(task_vars)
        results.update(done)
        return results

    def _from_here(self, task_vars):
        if memsec is None:
            raise AnsibleActionFail("the controller has no memsec: " + MISSING)
        spec = dict(
            OPTIONS,
            rollback_timeout=dict(type="int", default=0),
            where=dict(type="str"),
        )
        dummy, params = self.validate_argument_spec(argument_spec=spec)
        if params["rollback_timeout"]:
            raise AnsibleActionFail(
                "rollback_timeout needs memsec on the host: where: host"
            )
        try:
            return self._harden(params, task_vars)
        except memsec.MemsecError as error:
            raise AnsibleActionFail(str(error)) from error

    def _harden(self, params, task_vars):
        plan = memsec.audit(
            self._snapshot(task_vars), policy(memsec, params)
        ).plan()
        if not plan.holds:
            raise AnsibleActionFail(refusal(plan))
        results = dict(
            changed=bool(plan),
            plan=data(plan),
            diff=differences(plan),
            name=None,
        )
        if plan and not self._task.check_mode:
            results["outcome"] = self._carry_out(plan, task_vars)
        return results

    def _snapshot(self, task_vars):
        found = self._execute_module(
            "memsec.memcached.snapshot",
            memsec.sources(),
            task_vars=task_vars,
        )
        if found.get("failed"):
            raise AnsibleActionFail(found.get("msg", "no snapshot"))
        return memsec.Snapshot.from_json(json.dumps(found["snapshot"]))

    def _carry_out(self, plan, task_vars):
        done = self._execute_module(
            "ansible.legacy.command",
            dict(
                _raw_params="/bin/sh -s",
                stdin=plan.render("shell"),
                stdin_add_newline=False,
            ),
            task_vars=task_vars,
        )
        if done.get("rc") != 0:
            raise AnsibleActionFail(
                done.get("stderr") or done.get("msg", "the script failed")
            )
        return dict(stdout=done["stdout"], stderr=done["stderr"])
