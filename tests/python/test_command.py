"""The `memsec` command: exit statuses, shapes, errors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import memsec
import pytest
from memsec.__main__ import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "python" / "audit.py"


def test_help_and_version(run):
    status, out, err = run("--help")
    assert (status, err) == (0, "") and b"explain" in out
    status, out, err = run("--version")
    assert (status, err) == (0, "") and out.count(b".") == 2


def test_snapshot_goes_to_a_file(run, tmp_path):
    path = tmp_path / "out.json"
    assert run("snapshot", "--output", str(path)) == (0, b"", "")
    assert json.loads(path.read_bytes())["schema"] == 1
    assert path.stat().st_mode & 0o777 == 0o600


def test_snapshot_is_printed(run):
    status, out, _ = run("snapshot", "--json")
    assert status == 0 and json.loads(out)["schema"] == 1


def test_audit_answers_first(run, file):
    status, out, err = run("audit", "--snapshot", file)
    assert status in (0, 1) and err == ""
    assert out.split(b"\n")[0].endswith(b".")


def test_audit_says_json(run, file):
    status, out, _ = run("audit", "--snapshot", file, "--json")
    report = json.loads(out)
    assert report["schema"] == 1
    assert {"instances", "exposures", "findings", "unknown"} <= set(report)
    assert status == int(bool(report["findings"]))


def test_audit_reads_standard_input(run, file, snapshot):
    by_file = run("audit", "--snapshot", file, "--json")
    text = snapshot.to_json().encode()
    assert run("audit", "--snapshot", "-", "--json", stdin=text) == by_file


def test_audit_reads_a_tree(run, tmp_path):
    status, out, _ = run("audit", "--root", str(tmp_path), "--json")
    assert status == 0 and json.loads(out)["instances"] == []


def test_audit_reads_this_host(run):
    status, out, _ = run("audit", "--json")
    assert status in (0, 1) and json.loads(out)["schema"] == 1


def test_a_policy_comes_from_a_file_and_options(run, file, tmp_path):
    policy = tmp_path / "policy.json"
    policy.write_text('{"allow": ["192.0.2.0/24"]}')
    status, out, _ = run(
        "audit", "--snapshot", file, "--policy", str(policy),
        "--allow", "2001:db8::1", "--port", "tcp/22", "--json",
    )  # fmt: skip
    assert status in (0, 1)
    assert all(e["proto"] for e in json.loads(out)["exposures"])


def test_options_take_one_value_or_more(run, file):
    nets = ["192.0.2.20", "10.20.0.0/24"]
    together = run("plan", "--snapshot", file, "--json", "--allow", *nets)
    apart = [word for net in nets for word in ("--allow", net)]
    assert run("plan", "--snapshot", file, "--json", *apart) == together
    assert nets[1].encode() in together[1]


def test_lines_are_answered_in_order(run, snapshot):
    line = json.dumps(json.loads(snapshot.to_json())).encode()
    lines = b"\n".join([line, b"{bad", b"\xff", b'{"schema":1}', line])
    status, out, err = run("audit", "--jsonl", "-", stdin=lines)
    answers = [json.loads(answer) for answer in out.splitlines()]
    errors = [a["error"]["line"] for a in answers if "error" in a]
    assert errors == [2, 3] and len(answers) == 5
    assert answers[0] == answers[4] and "exposures" in answers[3]
    assert all(answer["schema"] == 1 for answer in answers)
    assert status == 2 and err.count("\n") == 1 and "2 of 5" in err


def test_many_lines_are_answered(run):
    count = 1000
    lines = b'{"schema":1}\n' * count
    status, out, err = run("audit", "--jsonl", "-", stdin=lines)
    assert (status, err) in [(0, ""), (1, "")]
    assert len(out.splitlines()) == count


def test_no_lines_are_no_answers(run):
    assert run("audit", "--jsonl", "-") == (0, b"", "")


def test_plan_says_json(run, file):
    status, out, _ = run("plan", "--snapshot", file, "--json")
    plan = json.loads(out)
    assert plan["schema"] == 1 and {"steps", "proof"} <= set(plan)
    holds = plan["proof"]["holds"]
    assert status == (int(bool(plan["steps"])) if holds else 2)


@pytest.mark.parametrize(
    "form",
    [[], ["--diff"], ["--shell"], ["--form", "nft"]]
    + [["--form", form] for form in ["iptables-restore", "text"]],
)
def test_plan_has_forms(run, file, form):
    status, out, err = run("plan", "--snapshot", file, *form)
    assert status in (0, 1) or (out == b"" and err.startswith("memsec: no"))


class Refused:
    """A report whose plan does not hold."""

    def plan(self):
        witness = {"message": "no\nway"}
        claim = {"claim": "all-allowed", "holds": False, "witness": witness}
        proof = {"holds": False, "claims": [claim]}
        plan = {"empty": False, "steps": [], "proof": proof}
        return memsec.Plan.from_json(json.dumps(plan))


@pytest.mark.parametrize("as_json", [False, True])
def test_a_plan_that_does_not_hold(monkeypatch, capfd, file, as_json):
    monkeypatch.setattr("memsec.command.plan.audit", lambda *_: Refused())
    options = ["--json"] if as_json else ["--shell"]
    assert main(["plan", "--snapshot", file, *options]) == 2
    out, err = capfd.readouterr()
    assert err == "memsec: no plan: all-allowed: no\\nway\n"
    assert (out == "") != as_json
    assert not as_json or json.loads(out)["proof"]["holds"] is False


def test_packets_are_explained(run, file):
    packets = b'{"from": "192.0.2.20"}\n{"from": 7}\n\xff\n'
    status, out, err = run(
        "explain", "--snapshot", file, "--packets", "-", "--json",
        stdin=packets,
    )  # fmt: skip
    answers = [json.loads(answer) for answer in out.splitlines()]
    assert len(answers) == 3 and answers[2]["error"]["line"] == 3
    assert status == 2 and err.count("\n") == 1


def test_checks_are_listed(run):
    status, out, _ = run("checks", "--json")
    document = json.loads(out)
    assert status == 0 and document["schema"] == 1
    assert all({"id", "why", "fix"} <= set(c) for c in document["checks"])
    assert run("checks")[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nothing"],
        ["audit", "--nothing"],
        ["audit", "--snapshot"],
        ["audit", "--snapshot", "a", "--root", "b"],
        ["audit", "--snapshot", "/no/such\nfile"],
        ["audit", "--root", "/no/such"],
        ["audit", "--jsonl", "/no/such"],
        ["audit", "--port", "22"],
        ["plan", "--diff", "--shell"],
        ["plan", "--form", "html"],
        ["plan", "--bind", "10.0.0.0/8"],
        ["explain"],
        ["explain", "--from", "x", "--packets", "y"],
        ["explain", "--from", "192.0.2.1", "--port", "x"],
        ["explain", "--packets", "-", "--snapshot", "-"],
        ["audit", "--snapshot", b"\xff"],
        ["snapshot", "--output", "/no/such/file"],
    ],
)
def test_errors_are_one_line(fails, arguments):
    assert fails(*arguments)


@pytest.mark.parametrize(
    "arguments, said",
    [
        ("explain --from nowhere", "--from: 'nowhere' is not an address"),
        ("explain --from ::1 --to x", "--to: 'x' is not an address"),
        ("explain --from ::1 --port 70000", "--port: '70000' is not a number"),
        ("explain --from ::1 --icmp 8,x", "--icmp: 'x' is not a number"),
        ("explain --from ::1 --state old", "--state: invalid choice: 'old'"),
        ("plan --settle MEMSEC-CMD-009", "--settle: 'MEMSEC-CMD-009' is not"),
        ("plan --socket m.sock", "--socket: 'm.sock' is not an absolute path"),
    ],
)
def test_an_option_that_is_wrong_is_named(fails, file, arguments, said):
    command, *options = arguments.split()
    assert said in fails(command, "--snapshot", file, *options)


@pytest.mark.parametrize("command", ["audit", "plan"])
def test_host_bits_are_an_error(fails, file, command):
    said = fails(command, "--snapshot", file, "--allow", "10.0.0.1/8")
    assert said.endswith("the network is 10.0.0.0/8")


@pytest.mark.parametrize(
    "text, place",
    [
        (b'{"schema": 1', "standard input:1:12: "),
        (b"", "standard input:1"),
        (b"[]", "standard input:"),
        (b'{\n"schema": 2}', "standard input:2:"),
        (b'{"a":\n\n "\xff"}', "standard input:3:3: byte 0xff"),
        (b"[" * 100_000, "standard input:"),
    ],
)
def test_text_that_is_no_snapshot(fails, text, place):
    assert fails("audit", "--snapshot", "-", stdin=text).startswith(place)


def test_nobody_reads_to_the_end(tmp_path):
    lines = tmp_path / "lines"
    lines.write_bytes(b'{"schema":1}\n' * 20_000)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "memsec", "audit", "--jsonl", str(lines)],
        stdout=writer,
        stderr=subprocess.PIPE,
    )
    os.close(writer)
    assert done.stderr == b""


def test_the_example_runs(file):
    done = subprocess.run([sys.executable, EXAMPLE, file])
    assert done.returncode in (0, 1)
    assert subprocess.run([sys.executable, EXAMPLE, "/no"]).returncode == 2


@pytest.fixture
def open_and_shut(snapshot, tmp_path):
    paths = []
    for name, policy in ("open", "ACCEPT"), ("shut", "DROP"):
        rules = f"*filter\n:INPUT {policy} [0:0]\nCOMMIT\n"
        paths.append(tmp_path / f"{name}.json")
        host = snapshot.add_command("iptables-save", rules)
        paths[-1].write_text(host.to_json())
    return [str(path) for path in paths]


def test_diff_says_what_gets_in_no_more(run, open_and_shut):
    status, out, err = run("diff", *open_and_shut)
    assert (status, err) == (1, "") and b"gets in no more" in out
    status, out, _ = run("diff", *open_and_shut, "--json", "--port", "tcp/22")
    said = json.loads(out)
    assert status == 1 and said["schema"] == 1
    changes = [c for c in said["changes"] if "eth0" in c["interfaces"]]
    assert {(c["before"], c["after"]) for c in changes} == {("yes", "no")}
    assert all(c["witness"]["from"] for c in changes)


def test_diff_of_one_host_is_nothing(run, file, snapshot, tmp_path):
    assert run("diff", file, file)[0] == 0
    text = snapshot.to_json().encode()
    assert run("diff", "-", file, stdin=text)[0] == 0
    assert run("diff", str(tmp_path / "empty"), file)[0] == 2
    status, out, _ = run("diff", str(tmp_path), str(tmp_path), "--json")
    assert status == 0 and json.loads(out)["changes"] == []


def test_diff_reads_standard_input_once(fails):
    assert "only once" in fails("diff", "-", "-")
    assert "port" in fails("diff", "/dev/null", "/dev/null", "--port", "x")
