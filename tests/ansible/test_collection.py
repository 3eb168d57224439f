"""The collection on hosts with other firewalls each."""

import os
import shutil

import pytest
from hosts import Clients, Host, Inventory, iptables, nftables, nothing

NEEDED = ("unshare", "nsenter", "iptables", "nft", "memcached", "ip")
MISSING = [program for program in NEEDED if shutil.which(program) is None]

pytestmark = pytest.mark.skipif(
    bool(MISSING) or os.geteuid() != 0,
    reason=f"skipped: needs root, and {MISSING}",
)

ALLOW = ["192.0.2.20", "2001:db8:1::20"]
FIREWALLS = {"bare": nothing, "legacy": iptables, "modern": nftables}


@pytest.fixture
def clients():
    clients = Clients()
    yield clients
    clients.close()


@pytest.fixture
def hosts(clients):
    hosts = []
    try:
        for name, firewall in FIREWALLS.items():
            hosts.append(Host(clients, name, firewall))
        yield hosts
    finally:
        for host in hosts:
            host.close()


@pytest.fixture
def inventory(tmp_path, hosts):
    return Inventory(tmp_path, hosts)


def harden(**options):
    options = {"allow": ALLOW, **options}
    return {"name": "harden", "memsec.memcached.harden": options}


def changed(results):
    return {one["host"]: one["result"].get("changed") for one in results}


def each(value):
    return dict.fromkeys(FIREWALLS, value)


def test_facts_say_who_reaches_memcached(inventory):
    task = {"name": "facts", "memsec.memcached.facts": {}}
    status, results = inventory.play([task])
    assert status == 0, results
    assert changed(results) == each(False)
    for one in results:
        report = one["result"]["ansible_facts"]["memsec"]
        assert {e["scope"] for e in report["exposures"]} >= {"internet"}


def test_check_mode_shows_a_diff_and_changes_nothing(
    inventory, clients, hosts
):
    before = [host.read("/etc/memcached.conf") for host in hosts]
    status, results = inventory.play([harden()], "--check", "--diff")
    assert status == 0, results
    assert changed(results) == each(True)
    for one in results:
        headers = [d["after_header"] for d in one["result"]["diff"]]
        assert "/etc/memcached.conf" in headers
    assert [host.read("/etc/memcached.conf") for host in hosts] == before
    assert clients.reach(hosts[0], 66) == [True, True]


@pytest.mark.parametrize("where", ["host", "controller"])
def test_only_the_clients_get_in(inventory, clients, hosts, where):
    status, results = inventory.play([harden(where=where)])
    assert status == 0, results
    assert changed(results) == each(True)
    for host in hosts:
        host.await_daemon()
        assert clients.reach(host, 20) == [True, True], host.name
        assert clients.reach(host, 66) == [False, False], host.name
    status, results = inventory.play([harden(where=where)])
    assert status == 0, results
    assert changed(results) == each(False)
