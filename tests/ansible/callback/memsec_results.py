"""One line of JSON for each result of a task on a host."""

import json

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: memsec_results
type: stdout
short_description: One line of JSON for each result
description: For tests.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "memsec_results"

    def _say(self, result, outcome):
        found = {
            "host": result._host.get_name(),
            "task": result._task.get_name(),
            "outcome": outcome,
            "result": result._result,
        }
        self._display.display(json.dumps(found, default=str))

    def v2_runner_on_ok(self, result):
        self._say(result, "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._say(result, "failed")

    def v2_runner_on_unreachable(self, result):
        self._say(result, "unreachable")

    def v2_runner_on_skipped(self, result):
        self._say(result, "skipped")
