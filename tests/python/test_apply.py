"""Plans that are carried out: what is refused, and what nothing is done for.

That hosts are changed and changed back is tried in network namespaces, by
the tests of Rust.
"""

import json

import memsec
import pytest


@pytest.fixture
def plan(snapshot):
    plan = memsec.audit(snapshot).plan()
    assert plan.holds and plan
    return plan


def test_nothing_to_do(tmp_path):
    plan = memsec.audit(memsec.Snapshot()).plan()
    outcome = memsec.apply(plan, directory=tmp_path)
    assert outcome.state is memsec.Ended.UNCHANGED
    assert (outcome.name, outcome.steps, outcome.left) == ("", (), ())


def test_a_plan_for_another_host_is_stale(plan, tmp_path):
    with pytest.raises(memsec.StaleError, match="changed since"):
        memsec.apply(plan, directory=tmp_path)
    assert memsec.pending(directory=tmp_path) == ()


def test_a_plan_without_a_host_is_refused(plan, tmp_path):
    members = json.loads(plan.to_json())
    del members["made_from"]
    read = memsec.Plan.from_json(json.dumps(members))
    with pytest.raises(memsec.ArgumentError, match="which host"):
        memsec.apply(read, directory=tmp_path)


@pytest.mark.parametrize("name", ["1", "", "..", "a/b", "+1"])
def test_a_run_that_is_not_there(name, tmp_path):
    for do in memsec.confirm, memsec.rollback, memsec.outcome, memsec.wait:
        with pytest.raises(memsec.ArgumentError, match="there is no run"):
            do(name, directory=tmp_path)


def test_the_command_refuses_the_same(plan, fails, tmp_path):
    file = tmp_path / "plan.json"
    file.write_text(plan.to_json())
    runs = str(tmp_path / "runs")
    line = fails("apply", "--plan", str(file), "--directory", runs)
    assert line.startswith("the host changed since the plan was made: ")
    assert "there is no run" in fails("confirm", "7", "--directory", runs)
    assert "there is no run" in fails("rollback", "7", "--directory", runs)


def test_no_run_is_listed(run, tmp_path):
    words = ["rollback", "--directory", str(tmp_path)]
    assert run(*words) == (0, b"No run is to be finished.\n", "")
    status, out, _ = run(*words, "--json")
    assert (status, json.loads(out)) == (0, {"schema": 1, "pending": []})


def test_no_history(run, tmp_path, fails):
    words = ["history", "--directory", str(tmp_path / "none")]
    assert run(*words) == (0, b"Nothing was carried out yet.\n", "")
    status, out, _ = run(*words, "--json")
    assert (status, json.loads(out)) == (0, {"schema": 1, "runs": []})
    (tmp_path / "file").touch()
    line = fails("history", "--directory", str(tmp_path / "file"))
    assert "file: Not a directory" in line


def test_an_empty_plan_says_so(run, tmp_path):
    plan = memsec.audit(memsec.Snapshot()).plan().to_json().encode()
    words = ["apply", "--plan", "-", "--directory", str(tmp_path)]
    assert run(*words, stdin=plan) == (0, b"Nothing to do.\n", "")
    status, out, _ = run(*words, "--json", stdin=plan)
    assert status == 0 and json.loads(out)["state"] == "unchanged"
