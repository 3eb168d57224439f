"""The main job: a host that everybody can reach, and how it is closed."""

import json

import memsec
import pytest


def by_eth0(report, proto):
    return [
        exposure
        for exposure in report.exposures
        if exposure.interface == "eth0" and exposure.proto == proto
    ]


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_everybody_reaches_it(snapshot, proto):
    (exposure,) = by_eth0(memsec.audit(snapshot), proto)
    assert exposure.may == ("0.0.0.0/0",)
    assert exposure.except_ == ()
    assert exposure.exact
    assert exposure.scope is memsec.Scope.INTERNET
    assert (exposure.port, exposure.family) == (11211, "ipv4")


def test_the_command_says_so(run, file):
    status, out, _ = run("audit", "--snapshot", file)
    assert status == 1
    assert out.split(b"\n")[0] == (
        b"Anyone on the internet can read and change this cache, over TCP "
        b"and UDP, by eth0."
    )
    status, out, _ = run("audit", "--snapshot", file, "--json")
    assert status == 1 and json.loads(out)["findings"]


def test_a_packet_is_delivered(snapshot):
    said = memsec.explain(snapshot, from_="198.51.100.7", in_="eth0")
    assert (said.verdict, said.certain) == ("delivered", True)
    assert said.delivered_to.port == 11211


@pytest.mark.parametrize("allow", [[], ["192.0.2.20"]])
def test_the_plan_holds(snapshot, allow):
    policy = memsec.Policy(allow=allow)
    plan = memsec.audit(snapshot, policy).plan()
    assert plan.holds and plan
    assert {claim.claim for claim in plan.proof.claims} >= {
        "only-allowed",
        "all-allowed",
        "unchanged",
        "never-wider",
    }
    assert "/etc/memcached.conf" in plan.files()
    assert "-U 0" in plan.files()["/etc/memcached.conf"].after


@pytest.mark.parametrize("allow", [[], ["--allow", "192.0.2.20"]])
def test_the_command_plans(run, file, allow):
    status, out, err = run("plan", "--snapshot", file, "--json", *allow)
    assert (status, err) == (1, "")
    assert json.loads(out)["proof"]["holds"] is True
    status, out, err = run("plan", "--snapshot", file, "--shell", *allow)
    assert (status, err) == (1, "") and out.startswith(b"#!/bin/sh\n")


def test_what_is_closed_needs_no_plan(snapshot):
    closed = snapshot.add_file(
        "/etc/memcached.conf", "-l 127.0.0.1\n-U 0\n-u memcache\n"
    )
    report = memsec.audit(closed)
    assert not any(by_eth0(report, proto) for proto in ["tcp", "udp"])
    assert str(report).startswith("Nobody but this host can reach memcached.")
