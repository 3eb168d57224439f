# Copyright: the memsec authors
# MIT or Apache-2.0 (see LICENSE-MIT, LICENSE-APACHE)
"""What a task shows of a plan, and why it refuses one."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json

import pytest
from ansible_collections.memsec.memcached.plugins.module_utils.policy import (
    OPTIONS,
    became,
    commands,
    differences,
    policy,
    refusal,
)

memsec = pytest.importorskip("memsec")

STEP = dict(summary="s", settles=[])
EDIT = dict(STEP, kind="edit", file=dict(path="/a", before="1", after="2"))
LOAD = dict(STEP, kind="guard", command=["nft", "-f", "/g"])


def plan(steps, witness=None):
    claim = dict(claim="all-allowed", holds=witness is None, witness=witness)
    proof = dict(holds=witness is None, claims=[claim])
    document = dict(empty=not steps, steps=steps, proof=proof)
    return memsec.Plan.from_json(json.dumps(document))


def test_a_policy_has_what_the_task_says():
    params = dict((name, it["default"]) for name, it in OPTIONS.items())
    assert policy(memsec, params) == memsec.Policy()
    made = policy(memsec, dict(params, allow=["192.0.2.0/24"], udp=True))
    assert made.udp and str(made.allow[0]) == "192.0.2.0/24"


def test_a_file_is_shown_before_and_after():
    (change,) = differences(plan([EDIT]))
    assert (change["before"], change["after"]) == ("1", "2")
    assert change["before_header"] == change["after_header"] == "/a"


def test_commands_are_one_part_of_the_diff():
    assert commands(plan([EDIT])) == []
    (change,) = commands(plan([LOAD, LOAD]))
    assert change["after"] == "nft -f /g\nnft -f /g\n"


def test_a_refusal_has_its_witness():
    witness = dict(message="192.0.2.20 is dropped")
    said = refusal(plan([EDIT], witness))
    assert said.endswith(": all-allowed: 192.0.2.20 is dropped")


def test_an_outcome_is_data(tmp_path):
    nothing = memsec.audit(memsec.Snapshot()).plan()
    outcome = memsec.apply(nothing, directory=tmp_path)
    assert json.loads(json.dumps(became(outcome)))["state"] == "unchanged"
