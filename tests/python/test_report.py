"""The forms of a report: terminal, page, SARIF, many at once."""

import base64
import hashlib
import json
import os
import pty
import subprocess
import sys
import tarfile
from pathlib import Path

import memsec
import pytest

CLOSED = "-l 127.0.0.1\n-U 0\n-u memcache\n"

# What SARIF 2.1.0 says of each object that is used here, by its section:
# the members that must be there, and the others that may be.
OBJECTS = {
    "sarifLog 3.13": ("version runs", "$schema"),
    "run 3.14": (
        "tool",
        "columnKind originalUriBaseIds invocations results",
    ),
    "tool 3.18": ("driver", ""),
    "toolComponent 3.19": ("name", "semanticVersion rules"),
    "reportingDescriptor 3.49": (
        "id",
        "shortDescription fullDescription help helpUri "
        "defaultConfiguration properties",
    ),
    "reportingConfiguration 3.50": ("", "level"),
    "multiformatMessageString 3.12": ("text", ""),
    "invocation 3.20": ("executionSuccessful", "toolExecutionNotifications"),
    "notification 3.58": ("message", "level locations"),
    "result 3.27": (
        "message",
        "ruleId ruleIndex level locations partialFingerprints properties",
    ),
    "message 3.11": ("text", ""),
    "location 3.28": ("", "physicalLocation"),
    "physicalLocation 3.29": ("artifactLocation", "region"),
    "artifactLocation 3.4": ("", "uri uriBaseId description"),
    "region 3.30": ("startLine", "snippet"),
    "artifactContent 3.3": ("", "text"),
}

# Which object a member is, where it is one or a list of such.
MEMBERS = {
    "runs": "run",
    "tool": "tool",
    "driver": "toolComponent",
    "rules": "reportingDescriptor",
    "shortDescription": "multiformatMessageString",
    "fullDescription": "multiformatMessageString",
    "help": "multiformatMessageString",
    "defaultConfiguration": "reportingConfiguration",
    "invocations": "invocation",
    "toolExecutionNotifications": "notification",
    "results": "result",
    "message": "message",
    "locations": "location",
    "physicalLocation": "physicalLocation",
    "artifactLocation": "artifactLocation",
    "region": "region",
    "snippet": "artifactContent",
    "description": "message",
}


def follows_the_standard(value, name):
    (known,) = (k for k in OBJECTS if k.split()[0] == name)
    needed, others = (set(names.split()) for names in OBJECTS[known])
    assert needed <= set(value) <= needed | others, (known, set(value))
    for member, inner in value.items():
        if member == "originalUriBaseIds":
            for base in inner.values():
                follows_the_standard(base, "artifactLocation")
        for item in inner if isinstance(inner, list) else [inner]:
            if member in MEMBERS:
                follows_the_standard(item, MEMBERS[member])


def test_sarif_follows_the_standard(run, file, snapshot):
    # Without these there is something that is not known.
    bare = memsec.Snapshot().add_file("/etc/memcached.conf", "-l 0.0.0.0\n")
    for some in (snapshot, bare, memsec.Snapshot()):
        log = json.loads(memsec.audit(some).to_sarif())
        follows_the_standard(log, "sarifLog")
        assert log["version"] == "2.1.0"
    status, out, err = run("audit", "--snapshot", file, "--sarif")
    assert (status, err) == (1, "")
    assert json.loads(out) == json.loads(memsec.audit(snapshot).to_sarif())


# The schema of OASIS, as a package of npm has it, and the hash that npm keeps
# of it.
PACKAGE = "@microsoft/jest-sarif@1.0.0-beta.0"
SHA512 = (
    "A1fOhPd6Ic5iDk4F9YPw1qNB4XF+7+IviR7xl8r2F6Qz"
    "Qkx5cpY9LsGk2rExiFIEcBbjpVnSmwWGBukASkiQ9A=="
)
SCHEMA = "package/lib/schemas/sarif-2.1.0-rtm.5.json"


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    npm = Path(sys.prefix) / "bin/npm"
    if not npm.exists():
        assert os.environ.get("CI") != "true", "there is no npm"
        pytest.skip("there is no npm")
    directory = tmp_path_factory.mktemp("schema")
    path = f"{npm.parent}:{os.environ['PATH']}"
    subprocess.run(
        [npm, "pack", "--silent", PACKAGE],
        cwd=directory,
        env={**os.environ, "PATH": path},
        check=True,
        capture_output=True,
        timeout=120,
    )
    (archive,) = directory.glob("*.tgz")
    digest = hashlib.sha512(archive.read_bytes()).digest()
    assert base64.b64encode(digest).decode() == SHA512
    with tarfile.open(archive) as files:
        return json.load(files.extractfile(SCHEMA))


def test_sarif_is_valid_by_the_schema_of_the_standard(schema, snapshot):
    jsonschema = pytest.importorskip("jsonschema")
    sample = Path(__file__).parents[2] / "examples/host/snapshot.json"
    accept = [{"id": "MEMSEC-UDP-001", "because": "it is a test"}]
    policy = memsec.Policy.from_json(json.dumps({"accept": accept}))
    some = [
        snapshot,
        memsec.Snapshot(),
        memsec.Snapshot.from_json(sample.read_text()),
    ]
    for one in some:
        log = json.loads(memsec.audit(one, policy).to_sarif())
        jsonschema.validate(log, schema)
    del log["runs"][0]["tool"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(log, schema)


def test_sarif_is_within_the_limits_of_code_hosts(snapshot):
    """docs.github.com, "SARIF support for code scanning": what a rule and a
    result may have."""
    text = memsec.audit(snapshot).to_sarif()
    (run,) = json.loads(text)["runs"]
    assert len(text) < 10 << 20
    assert len(run["results"]) <= 25000
    rules = run["tool"]["driver"]["rules"]
    assert len(rules) <= 25000
    for rule in rules:
        assert len(rule["id"]) <= 255
        assert len(rule["shortDescription"]["text"]) <= 1024
        assert len(rule["fullDescription"]["text"]) <= 1024
        assert len(rule["properties"]["tags"]) <= 10
        assert 0 <= float(rule["properties"]["security-severity"]) <= 10
    for result in run["results"]:
        assert len(result["locations"]) <= 10
        assert result["message"]["text"]


def test_sarif_has_every_finding_and_its_rule(snapshot):
    report = memsec.audit(snapshot)
    (run,) = json.loads(report.to_sarif())["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [c.id for c in memsec.checks()]
    found = [(f.id, f.message) for f in report.findings]
    results = run["results"]
    assert [(r["ruleId"], r["message"]["text"]) for r in results] == found
    levels = {"note", "warning", "error"}
    for result in results:
        rule = rules[result["ruleIndex"]]
        assert rule["id"] == result["ruleId"] and result["level"] in levels
        score = float(rule["properties"]["security-severity"])
        assert score >= float(result["properties"]["security-severity"])
    prints = [str(result["partialFingerprints"]) for result in results]
    assert len(set(prints)) == len(prints)
    pages = [rule["helpUri"] for rule in rules if "helpUri" in rule]
    assert pages and all(page.startswith("https://") for page in pages)


def test_a_place_in_a_file_is_a_line_of_it(snapshot):
    (run,) = json.loads(memsec.audit(snapshot).to_sarif())["runs"]
    results = {r["ruleId"]: r for r in run["results"]}
    (location,) = results["MEMSEC-UDP-001"]["locations"]
    physical = location["physicalLocation"]
    assert physical["artifactLocation"] == {
        "uri": "etc/memcached.conf",
        "uriBaseId": "ROOT",
    }
    assert physical["region"]["startLine"] == 2


def test_the_page_goes_to_a_file_of_its_owner(run, file, tmp_path):
    path = tmp_path / "page.html"
    status, out, err = run("audit", "--snapshot", file, "--html", str(path))
    assert (status, err) == (1, "") and out.startswith(b"Anyone on the")
    assert path.stat().st_mode & 0o777 == 0o600
    page = path.read_text()
    assert page.startswith("<!doctype html>") and page.endswith("</html>\n")
    assert "After the plan" in page and "<script" not in page
    both = run(
        "audit", "--snapshot", file, "--json", "--html", str(path)
    )  # fmt: skip
    assert both[0] == 1 and json.loads(both[1])["schema"] == 1
    piped = run("audit", "--snapshot", file, "--html", "-")
    assert piped == (1, page.encode(), "")


def test_the_page_has_the_plan_that_it_is_given(snapshot):
    report = memsec.audit(snapshot, memsec.Policy(allow=["192.0.2.20"]))
    assert "192.0.2.20" not in report.to_html()
    assert "192.0.2.20" in report.to_html(report.plan())


@pytest.mark.parametrize(
    "options",
    [
        ["--json", "--sarif"],
        ["--html", "-", "--json"],
        ["--html", "-", "--sarif"],
        ["--html", "/no/such/file"],
    ],
)
def test_forms_that_do_not_go_together(fails, file, options):
    assert fails("audit", "--snapshot", file, *options)


@pytest.mark.parametrize("form", [["--html", "x"], ["--sarif"]])
def test_lines_are_json(fails, form):
    assert fails("audit", "--jsonl", "-", *form)


def in_a_terminal(file, **variables):
    """What the command prints where standard output is a terminal."""
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "60"}
    for name in ("NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
        environment.pop(name, None)
    environment.update(variables)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "memsec", "audit", "--snapshot", file]
    process = subprocess.Popen(command, stdout=theirs, env=environment)
    os.close(theirs)
    text = b""
    try:
        while more := os.read(ours, 65536):
            text += more
    except OSError:  # The other end is closed.
        pass
    os.close(ours)
    assert process.wait() == 1
    return text.decode().replace("\r\n", "\n")


def test_a_terminal_has_colours_and_a_width(file):
    text = in_a_terminal(file)
    assert text.startswith("\x1b[1;31mAnyone on the internet")
    plain = in_a_terminal(file, NO_COLOR="1")
    assert "\x1b" not in plain
    lines = plain.splitlines()
    assert max(map(len, lines)) <= 60
    assert " ".join(lines[:2]).startswith("Anyone on the internet can read")


@pytest.mark.parametrize(
    "variables, colored",
    [
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, False),
        ({"CLICOLOR": "0"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb", "CLICOLOR_FORCE": "1"}, True),
    ],
)
def test_the_environment_decides_over_colours(file, variables, colored):
    assert ("\x1b" in in_a_terminal(file, **variables)) == colored


def test_a_pipe_has_neither(run, file, snapshot, monkeypatch):
    for name in ("NO_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    out = run("audit", "--snapshot", file)[1].decode()
    assert out == str(memsec.audit(snapshot))
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    assert run("audit", "--snapshot", file)[1].startswith(b"\x1b[1;31m")


def test_what_is_wrong_comes_after_the_answer(snapshot):
    text = memsec.audit(snapshot).to_text(width=80)
    wrong, who = (
        text.index(heading)
        for heading in ("\n\nWhat is wrong, the worst", "\n\nWho gets in:\n")
    )
    assert 0 < wrong < who


def test_many_are_audited_in_order(snapshot):
    closed = snapshot.add_file("/etc/memcached.conf", CLOSED)
    bad = snapshot.add_command("ip -j address", "{")
    asked = (s for s in [snapshot, bad, closed] * 200)
    answers = memsec.audit_many(asked)
    first, second, third = next(answers), next(answers), next(answers)
    assert first.to_json() == memsec.audit(snapshot).to_json()
    assert isinstance(second, memsec.ParseError)
    assert second.source == "ip -j address"
    assert third.to_json() == memsec.audit(closed).to_json()
    rest = list(answers)
    assert len(rest) == 597
    assert all(isinstance(a, memsec.ParseError) for a in rest[1::3])


def test_many_have_one_policy(snapshot):
    policy = memsec.Policy(allow=["0.0.0.0/0"])
    (report,) = memsec.audit_many([snapshot], policy)
    assert report.to_json() == memsec.audit(snapshot, policy).to_json()
    assert list(memsec.audit_many([])) == []


def test_a_line_that_is_too_long_is_an_error(monkeypatch, capfd, tmp_path):
    path = tmp_path / "lines"
    long = b'{"schema":1' + b" " * 100 + b"}\n"
    path.write_bytes(b'{"schema":1}\n' + long + b'{"schema":1}\n')
    monkeypatch.setattr("memsec.command.audit._LONGEST", 64)
    from memsec.__main__ import main

    assert main(["audit", "--jsonl", str(path)]) == 2
    lines = capfd.readouterr()[0].splitlines()
    answers = [json.loads(line) for line in lines]
    error = {"message": "the line is too long", "line": 2}
    assert answers[1]["error"] == error
    assert "findings" in answers[0] and "findings" in answers[2]
