"""The package: handles, data, exceptions."""

import copy
import dataclasses
import errno
import ipaddress
import json
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path, PurePosixPath

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


IMPORTING = """
import sys, time
before = set(sys.modules)
began = time.process_time()
import memsec
print(time.process_time() - began)
print(*{name.split(".")[0] for name in set(sys.modules) - before})
"""


def test_importing_is_quick_and_takes_the_standard_library_only():
    words = [sys.executable, "-c", IMPORTING]
    runs = [
        subprocess.check_output(words, text=True).splitlines()
        for _ in range(10)
    ]
    # In time of the processor, the best of some: what else runs here is no
    # fault of the package.
    assert min(float(seconds) for seconds, _ in runs) < 0.020
    others = set(runs[0][1].split()) - {"memsec"}
    standard = getattr(sys, "stdlib_module_names", others)
    assert others <= set(standard)


def public():
    """Every function, class and method, by its name."""
    for name in memsec.__all__:
        if name.startswith("_"):
            continue
        thing = getattr(memsec, name)
        yield name, thing
        if isinstance(thing, type) and thing.__module__.startswith("memsec"):
            for member, value in vars(thing).items():
                if not member.startswith("_") and (
                    callable(value)
                    or isinstance(value, (property, staticmethod))
                    or type(value).__name__ == "getset_descriptor"
                ):
                    yield f"{name}.{member}", value


def test_everything_says_what_it_is():
    silent = [name for name, thing in public() if not thing.__doc__]
    assert silent == []


# What is for other programs, and in the JSON alone.
NOT_DATA = {"Proof": {"certificate"}}

SCHEMAS = Path(__file__).parents[2] / "memsec-core" / "schema"


def objects(document):
    """The objects and the names of a schema, by what Python calls them."""
    schema = json.loads((SCHEMAS / f"{document}.json").read_text())
    yield document.capitalize(), schema
    yield from schema.get("$defs", {}).items()


@pytest.mark.parametrize(
    "document",
    ["difference", "explanation", "outcome", "plan", "report", "verification"],
)
def test_data_has_what_the_schema_has(document):
    for name, schema in objects(document):
        cls = getattr(memsec, name, None)
        if dataclasses.is_dataclass(cls):
            kinds = [schema, *schema.get("oneOf", [])]
            members = {it for k in kinds for it in k.get("properties", {})}
            fields = {field.name for field in dataclasses.fields(cls)}
            names = {field.rstrip("_") for field in fields} | {"schema"}
            assert members - NOT_DATA.get(name, set()) <= names, name
        elif cls is not None and issubclass(cls, str):
            names = [it["const"] for it in schema["oneOf"]]
            assert set(names) <= {str(it) for it in cls}, name


def test_handles_do_not_change(snapshot):
    report = memsec.audit(snapshot)
    for handle in [snapshot, memsec.Policy(), report, report.plan()]:
        with pytest.raises(AttributeError):
            handle.new = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.exposures[0].port = 1


def test_other_threads_run_while_it_works(snapshot):
    rules = "".join(
        f"-A INPUT -s 10.{i // 250}.{i % 250}.0/24 -p tcp --dport {i} "
        "-j ACCEPT\n"
        for i in range(20_000)
    )
    text = f"*filter\n:INPUT DROP [0:0]\n{rules}COMMIT\n"
    large = snapshot.add_command("iptables-save", text)
    work = threading.Thread(target=memsec.audit, args=[large])
    began = time.perf_counter()
    work.start()
    gaps = []
    while work.is_alive():
        gaps.append(-time.perf_counter())
        time.sleep(0.001)
        gaps[-1] += time.perf_counter()
    took = time.perf_counter() - began
    assert len(gaps) > 3
    assert sorted(gaps)[len(gaps) // 2] < took / 3


def test_a_snapshot_is_text_in_and_text_out(snapshot):
    again = memsec.Snapshot.from_json(snapshot.to_json())
    assert again == snapshot
    assert again != memsec.Snapshot()
    assert memsec.Snapshot.from_json(snapshot.to_json().encode()) == snapshot
    assert repr(snapshot) == "<Snapshot 1 file, 4 commands, 0 processes>"


def test_adding_makes_another_snapshot():
    empty = memsec.Snapshot()
    path = PurePosixPath("/a")
    full = empty.add_file(path, b"\xff", mode=0o600, uid=0, gid=0)
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
    assert caught.value.errno == errno.ENOENT


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


def test_a_policy_gives_objects_of_ipaddress():
    policy = memsec.Policy(
        allow=["10.20.0.0/24", "2001:db8::1"],
        bind=["::1"],
        keep=[],
        ports=["udp/53"],
    )
    assert policy.allow == (
        ipaddress.IPv4Network("10.20.0.0/24"),
        ipaddress.IPv6Network("2001:db8::1/128"),
    )
    assert policy.bind == (ipaddress.IPv6Address("::1"),)
    assert (policy.udp, policy.keep, policy.ports) == (False, (), ("udp/53",))
    again = memsec.Policy(
        allow=policy.allow, bind=policy.bind, keep=[], ports=policy.ports
    )
    assert again == policy


def test_a_policy_accepts_findings():
    known = memsec.Acceptance("MEMSEC-TLS-001", "one rack", "2026-12-31")
    mapping = {"id": "MEMSEC-CMD-003", "because": "it is wanted"}
    policy = memsec.Policy(accept=[known, mapping])
    assert policy.accept == (known, memsec.Acceptance(**mapping))
    with pytest.raises(memsec.ParseError, match="because"):
        memsec.Policy(accept=[{"id": "MEMSEC-CMD-003"}])


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
    [
        ("{\n  7", (2, 3)),
        (b"{\n\xff", (2, 1)),
        ("", (1, 0)),
        (b"\xff", (1, 1)),
    ],
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


def test_an_error_of_the_host_is_an_oserror():
    error = memsec.HostError("No such file", "/a", errno=errno.ENOENT)
    for one in error, pickle.loads(pickle.dumps(error)):
        assert isinstance(one, (memsec.MemsecError, OSError))
        assert (one.errno, one.filename) == (errno.ENOENT, "/a")
        assert (one.strerror, one.source) == ("No such file", "/a")
        assert str(one) == "/a: No such file"


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
    tcp, unix = report.instances[0].listeners
    assert (tcp.ip, tcp.ephemeral) == (ipaddress.IPv6Address("::"), True)
    assert (unix.ip, unix.path) == (None, "@m")
    assert unix.proto is memsec.Proto.UNIX
    assert report.unknown[0].where == memsec.Place()
    assert pickle.loads(pickle.dumps(report)).findings == report.findings


def test_an_exposure_is_asked_by_address():
    exposure = memsec.Exposure(
        instance="memcached",
        proto=memsec.Proto.TCP,
        port=11211,
        family=memsec.Family.IPV4,
        interface="eth0",
        destinations=("192.0.2.10",),
        scope=memsec.Scope.INTERNET,
        exact=False,
        may=("0.0.0.0/0",),
        except_=("10.0.0.0/8",),
        must=("192.0.2.20",),
        because=(),
    )
    assert exposure.reached_from("192.0.2.20") is memsec.Reaches.YES
    assert exposure.reached_from("192.0.2.21") is memsec.Reaches.MAYBE
    neighbour = ipaddress.ip_address("10.1.2.3")
    assert exposure.reached_from(neighbour) is memsec.Reaches.NO
    assert exposure.reached_from("::1") is memsec.Reaches.NO
    assert exposure.addresses == (ipaddress.IPv4Address("192.0.2.10"),)
    assert exposure.must_networks == (ipaddress.IPv4Network("192.0.2.20/32"),)
    with pytest.raises(ValueError):
        exposure.reached_from("nowhere")


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
    assert claim.claim is memsec.ClaimKind.ONLY_ALLOWED
    assert claim.witness.packet.from_ == "192.0.2.1"
    source = ipaddress.IPv4Address("192.0.2.1")
    assert claim.witness.packet.source == source
    assert claim.witness.packet.destination is None
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


def test_many_are_audited_in_order_and_past_bad_ones(snapshot):
    policy = memsec.Policy(allow=["192.0.2.20"])
    text = snapshot.to_json()
    some = [snapshot, memsec.Snapshot(), text, text.encode(), "{", b"\xff"]
    full = memsec.audit(snapshot, policy).to_json()
    empty = memsec.audit(some[1], policy).to_json()
    for answers in zip(*[iter(memsec.audit_many(some * 100, policy))] * 6):
        reports, errors = answers[:4], answers[4:]
        assert [it.to_json() for it in reports] == [full, empty, full, full]
        assert all(isinstance(it, memsec.ParseError) for it in errors)


def test_many_are_read_as_they_are_asked_for(snapshot):
    read = []

    def endless():
        while True:
            read.append(1)
            yield snapshot

    first = next(iter(memsec.audit_many(endless())))
    assert first.to_json() == memsec.audit(snapshot).to_json()
    assert len(read) <= 256


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
