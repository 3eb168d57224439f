"""A plan's proof, replayed by the independent checker."""

import json

import memsec
import pytest

ALLOW = "192.0.2.20"


@pytest.fixture
def plan(snapshot):
    report = memsec.audit(snapshot, memsec.Policy(allow=[ALLOW]))
    return json.loads(report.plan().to_json())


def verify(run, plan, *options):
    text = json.dumps(plan).encode()
    return run("verify", "-", *options, stdin=text)


def test_a_proved_plan_holds(run, plan):
    status, out, err = verify(run, plan)
    assert (status, err) == (0, "") and out.count(b"Proved:") == 5
    status, out, _ = verify(run, plan, "--json")
    assert status == 0 and json.loads(out)["holds"] is True


def test_so_it_does_with_its_snapshot(run, plan, file):
    assert verify(run, plan, "--snapshot", file)[0] == 0


def test_another_snapshot_is_an_error(run, plan, snapshot, tmp_path):
    other = tmp_path / "other.json"
    rules = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n"
    other.write_text(snapshot.add_command("iptables-save", rules).to_json())
    status, out, err = verify(run, plan, "--snapshot", str(other))
    assert (status, out) == (2, b"") and err.count("\n") == 1


def test_a_wider_guard_is_refuted_with_a_packet(run, plan):
    (step,) = (step for step in plan["steps"] if step["kind"] == "guard")
    text = step["file"]["after"]
    step["file"]["after"] = text.replace(ALLOW, "192.0.2.0/24")
    status, out, _ = verify(run, plan, "--json")
    found = json.loads(out)
    assert status == 1 and found["holds"] is False
    (failed,) = (c for c in found["claims"] if c["claim"] == "only-allowed")
    assert failed["witness"]["packet"]["from"].startswith("192.0.2.")


def test_a_plan_without_a_certificate_cannot_be_checked(run, plan):
    del plan["proof"]["certificate"]
    status, out, err = verify(run, plan)
    assert (status, out) == (2, b"") and "no certificate" in err


def test_it_is_data_in_python(snapshot):
    plan = memsec.audit(snapshot).plan()
    found = plan.verify()
    assert found.holds and found.differs is None
    assert {claim.claim for claim in found.claims} >= {"management-kept"}
    assert plan.verify(snapshot) == found


def made(run, file, *options):
    """A plan that is proved, and holds by the checker too."""
    status, out, err = run("plan", "--snapshot", file, "--json", *options)
    assert (status, err) == (1, "")
    plan = json.loads(out)
    assert verify(run, plan)[0] == 0
    return plan


def kinds(plan):
    return [step["kind"] for step in plan["steps"]]


def test_by_the_guard_alone(run, file):
    plan = made(run, file, "--by", "guard")
    assert kinds(plan) == ["guard", "persist"]
    why = {one["strategy"]: one["why"] for one in plan["strategies"]}
    assert why["daemon"] == "the policy leaves it out"


def test_without_a_guard(run, file):
    assert kinds(made(run, file, "--without", "guard")) == ["edit", "service"]


def test_without_a_restart(run, file):
    plan = made(run, file, "--no-restart")
    assert kinds(plan) == ["guard", "edit", "persist"]
    assert not any("restart" in step["summary"] for step in plan["steps"])


def test_a_socket_in_the_place_of_tcp(run, file):
    plan = made(run, file, "--socket", "/run/memcached/m.sock")
    text = plan["steps"][0]["file"]["after"]
    assert "-s /run/memcached/m.sock" in text and "-l" not in text


def test_findings_are_settled(run, file):
    plan = made(run, file, "--settle", "MEMSEC-CMD-002", "MEMSEC-CMD-003")
    lines = plan["steps"][0]["file"]["after"].split("\n")
    assert "-X" in lines and "-F" in lines


def test_a_strategy_that_is_not_known(fails, file):
    assert "'x' is not one of" in fails(
        "plan", "--snapshot", file, "--by", "x"
    )


def test_the_port_of_the_peer_is_kept(run, file):
    peer = "192.0.2.5 50122 192.0.2.10 11211"
    status, _, err = run(
        "plan", "--snapshot", file, "--by", "guard", "--peer", peer
    )
    assert status == 2 and "MEMSEC-FW-009" in err
