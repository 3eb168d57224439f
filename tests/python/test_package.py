"""The package: handles, data, exceptions."""

import copy
import dataclasses
import ipaddress
import json
import pickle
import subprocess
import sys
import threading

import memsec
import pytest


def test_all_is_there():
    assert all(hasattr(memsec, name) for name in memsec.__all__)
    assert set(memsec.__all__) == set(dir(memsec))
    assert memsec.__version__.count(".") == 2
    with pytest.raises(AttributeError):
        memsec.nothing


def test_importing_loads_no_data():
    code = "import sys, memsec; print('memsec._data' in sys.modules)"
    out = subprocess.check_output([sys.executable, "-c", code])
    assert out == b"False\n"


def test_a_snapshot_is_text_in_and_text_out(snapshot):
    again = memsec.Snapshot.from_json(snapshot.to_json())
    assert again == snapshot
    assert again != memsec.Snapshot()
    assert memsec.Snapshot.from_json(snapshot.to_json().encode()) == snapshot
    assert repr(snapshot) == "<Snapshot 1 file, 4 commands, 0 processes>"


def test_adding_makes_another_snapshot():
    empty = memsec.Snapshot()
    full = empty.add_file("/a", b"\xff", mode=0o600, uid=0, gid=0)
    full = full.add_command("x", "", status=127)
    full = full.add_process(pid=7, argv=["-p", "1"], version="1.6.18")
    read = json.loads(full.to_json())
    assert read["files"]["/a"]["base64"] == "/w=="
    assert read["files"]["/a"]["mode"] == "0600"
    assert read["commands"]["x"]["status"] == 127
    assert read["processes"][0]["pid"] == 7
    assert empty == memsec.Snapshot()


def test_this_host_can_be_read():
    assert json.loads(memsec.Snapshot.collect().to_json())["schema"] == 1


def test_a_tree_can_be_read(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "memcached.conf").write_text("-p 7\n")
    read = memsec.Snapshot.read_tree(tmp_path)
    assert "-p 7\\n" in read.to_json()
    with pytest.raises(memsec.HostError) as caught:
        memsec.Snapshot.read_tree(tmp_path / "none")
    assert caught.value.source == str(tmp_path / "none")


@pytest.mark.parametrize(
    "allow",
    [
        "10.20.0.0/24",
        "192.0.2.7",
        "2001:db8::/32",
        ipaddress.ip_network("10.20.0.0/24"),
        ipaddress.ip_address("192.0.2.7"),
        ipaddress.ip_interface("192.0.2.7"),
    ],
)
def test_clients(allow):
    policy = memsec.Policy(allow=[allow])
    network = ipaddress.ip_network(str(allow))
    (found,) = json.loads(policy.to_json())["allow"]
    assert ipaddress.ip_network(found) == network


def test_a_policy_has_parts():
    policy = memsec.Policy(
        bind=["::1"], udp=True, keep=["udp/53"], ports=["tcp/6379"]
    )
    read = json.loads(policy.to_json())
    assert read["bind"] == ["::1"] and read["udp"] is True
    assert read["keep"] == [{"proto": "udp", "port": 53}]
    assert read["ports"] == [{"proto": "tcp", "port": 6379}]
    assert policy == memsec.Policy.from_json(policy.to_json())
    assert memsec.Policy() == memsec.Policy.from_json("{}")


def test_adding_makes_another_policy():
    one = memsec.Policy(allow=["192.0.2.1"])
    two = one.add(allow=["192.0.2.2"])
    assert repr(one) == "<Policy allow 192.0.2.1>"
    assert repr(two) == "<Policy allow 2 networks>"


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"allow": ["10.0.0.1/8"]}, "the network is 10.0.0.0/8"),
        ({"allow": ["nowhere"]}, "not an address"),
        ({"bind": ["10.0.0.0/8"]}, "not an address"),
        ({"ports": ["22"]}, "tcp/22"),
        ({"ports": ["sctp/22"]}, "tcp/22"),
        ({"ports": ["tcp/0"]}, "tcp/22"),
        ({"ports": ["tcp/65536"]}, "tcp/22"),
    ],
)
def test_arguments_that_are_wrong(arguments, message):
    with pytest.raises(memsec.ArgumentError, match=message) as caught:
        memsec.Policy(**arguments)
    assert isinstance(caught.value, ValueError)


def test_one_text_is_not_a_list():
    with pytest.raises(TypeError):
        memsec.Policy(allow="10.0.0.0/8")


READERS = [memsec.Snapshot, memsec.Policy, memsec.Report, memsec.Plan]


@pytest.mark.parametrize("cls", READERS)
@pytest.mark.parametrize(
    "text, place",
    [("{\n  7", (2, 3)), (b"{\n\xff", (2, 1)), ("", (1, 0)), (b"\xff", (1, 1))],
)
def test_text_that_is_wrong(cls, text, place):
    with pytest.raises(memsec.ParseError) as caught:
        cls.from_json(text, "a file")
    error = caught.value
    assert error.source == "a file"
    assert (error.line, error.column or 0) == place
    assert str(error).startswith("a file:") and "\n" not in str(error)
    assert isinstance(error, (memsec.MemsecError, ValueError))


def test_exceptions_can_be_sent():
    error = memsec.ParseError("no", "a", 1, 2)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.column) == ("a:1:2: no", 2)


def test_a_report_is_data(snapshot):
    report = memsec.audit(snapshot)
    read = json.loads(report.to_json())
    for name in ["instances", "exposures", "findings", "unknown"]:
        data = getattr(report, name)
        assert isinstance(data, tuple) and len(data) == len(read[name])
        json.dumps([dataclasses.asdict(item) for item in data])
        assert getattr(report, name) is data
    assert (report.severity is None) == (not report.findings)
    assert str(report).endswith("\n")
    assert repr(report).startswith("<Report ")


def test_a_full_report_is_data():
    place = {"source": "/a", "line": 3}
    exposure = {
        "instance": None,
        "proto": "udp",
        "port": 11211,
        "family": "ipv6",
        "interface": None,
        "destinations": ["2001:db8::1"],
        "scope": "internet",
        "exact": False,
        "may": ["::/0"],
        "except": ["2001:db8::/32"],
        "must": [],
        "because": [place],
    }
    finding = {
        "id": "MEMSEC-NET-001",
        "severity": "critical",
        "title": "t",
        "message": "m",
        "where": place,
        "fix": "f",
        "references": ["r"],
    }
    instance = {
        "id": "memcached",
        "source": "/a",
        "version": "1.6.18",
        "argv": ["-A"],
        "starts": False,
        "error": {"status": 71, "message": "no"},
        "listeners": [
            {"proto": "tcp", "address": "::", "port": 0, "ephemeral": True},
            {"proto": "unix", "path": "@m", "mode": "0700"},
        ],
    }
    report = memsec.Report.from_json(
        json.dumps(
            {
                "instances": [instance],
                "exposures": [exposure],
                "findings": [finding],
                "unknown": [{"what": "w", "where": {}}],
            }
        )
    )
    assert report.exposures[0].except_ == ("2001:db8::/32",)
    assert report.exposures[0].scope is memsec.Scope.INTERNET
    assert report.findings[0].where == memsec.Place("/a", 3)
    assert report.severity is memsec.Severity.CRITICAL
    assert report.instances[0].error == memsec.Exit(71, "no")
    assert report.instances[0].listeners[1].path == "@m"
    assert report.unknown[0].where == memsec.Place()
    assert pickle.loads(pickle.dumps(report)).findings == report.findings


def full_plan(holds=True):
    change = {"path": "/a", "before": "1", "after": "2"}
    edits = [change, {**change, "before": "2", "after": "3"}]
    step = {"kind": "edit", "summary": "s", "settles": ["MEMSEC-NET-001"]}
    run = {"command": ["true"]}
    steps = [{**step, "file": file} for file in edits]
    steps.append({**step, "kind": "cut", "undo": run, "check": run})
    packet = {"from": "192.0.2.1", "in": "eth0"}
    witness = {"message": "m", "packet": packet, "because": [{"line": 1}]}
    claim = {"claim": "only-allowed", "holds": holds, "witness": None}
    if not holds:
        claim["witness"] = witness
    proof = {"holds": holds, "claims": [claim]}
    plan = {"empty": False, "steps": steps, "proof": proof}
    return memsec.Plan.from_json(json.dumps(plan))


def test_a_plan_is_data():
    plan = full_plan()
    assert plan and plan.holds and len(plan) == len(plan.steps) == 3
    assert plan.steps[2].kind is memsec.StepKind.CUT
    assert plan.steps[2].undo == ("true",) and plan.steps[0].undo is None
    assert plan.files() == {"/a": memsec.FileChange("/a", "1", "3")}
    assert pickle.loads(pickle.dumps(plan)) == plan
    assert repr(plan) == "<Plan 3 steps, holds>"


def test_a_plan_that_does_not_hold_says_why():
    (claim,) = full_plan(holds=False).proof.claims
    assert claim.witness.message == "m"
    assert claim.witness.packet.from_ == "192.0.2.1"
    assert claim.witness.packet.in_ == "eth0"


def test_every_form_is_known(snapshot):
    plan = memsec.audit(snapshot).plan()
    for form in memsec.Render:
        if plan.holds or form == memsec.Render.TEXT:
            assert isinstance(plan.render(form), str)
    with pytest.raises(memsec.ArgumentError):
        plan.render("html")


def test_severities_are_ordered_text():
    assert memsec.Severity.LOW < memsec.Severity.HIGH
    assert max(memsec.Severity) is memsec.Severity.CRITICAL
    assert memsec.Severity.LOW >= "low" > memsec.Severity.INFO
    assert f"{memsec.Severity.LOW}" == str(memsec.Severity.LOW) == "low"
    assert json.dumps(memsec.Scope.LINK) == '"link"'
    assert copy.deepcopy(memsec.Scope.LINK) is memsec.Scope.LINK


def test_packets_may_be_anything_that_names_one(snapshot):
    packets = [
        ({"from": "192.0.2.20"}, {}),
        (None, {"from_": ipaddress.ip_address("192.0.2.20"), "in_": "eth0"}),
    ]
    for packet, fields in packets:
        try:
            said = memsec.explain(snapshot, packet, **fields)
        except memsec.UnsupportedError:
            continue
        assert said.verdict and str(said).endswith("\n")
        assert all(isinstance(met, memsec.Met) for met in said.path)
    with pytest.raises(memsec.ParseError):
        memsec.explain(snapshot, {"from": "nowhere"})


def test_a_difference_is_data(snapshot):
    rules = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n"
    shut = memsec.Snapshot.from_json(snapshot.to_json())
    shut = shut.add_command("iptables-save", rules)
    difference = memsec.diff(snapshot, shut, ports=["tcp/22"])
    assert difference and "no more" in str(difference)
    change = difference.changes[0]
    assert isinstance(change, memsec.Change)
    assert change.before > change.after == memsec.Reaches.NO
    assert isinstance(change.witness, memsec.Packet)
    assert not memsec.diff(shut, shut)


def test_checks_are_data():
    checks = memsec.checks()
    assert all(isinstance(check, memsec.Check) for check in checks)
    assert len({check.id for check in checks}) == len(checks)


def test_handles_can_be_copied_and_sent(snapshot):
    policy = memsec.Policy(allow=["192.0.2.0/24"])
    for handle in [snapshot, policy]:
        assert pickle.loads(pickle.dumps(handle)) == handle
        assert copy.copy(handle) == handle
    report = memsec.audit(snapshot, policy)
    again = pickle.loads(pickle.dumps(report))
    assert again.to_json() == report.to_json()


def test_threads_share_handles(snapshot):
    said = []

    def ask():
        said.append(memsec.audit(snapshot).to_json())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(said)) == 1 and len(said) == 4
