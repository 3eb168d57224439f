"""The collection on hosts with another firewall manager each."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hosts import (
    Clients,
    Host,
    Inventory,
    firewalld,
    iptables,
    nftables,
    nothing,
    ufw,
)

NEEDED = "unshare nsenter iptables nft ufw firewalld memcached ip".split()
MISSING = [program for program in NEEDED if shutil.which(program) is None]

pytestmark = pytest.mark.skipif(
    bool(MISSING) or os.geteuid() != 0,
    reason=f"skipped: needs root, and {MISSING}",
)

ALLOW = ["192.0.2.20", "2001:db8:1::20"]
FIREWALLS = {
    "bare": nothing,
    "iptables": iptables,
    "nftables": nftables,
    "ufw": ufw,
    "firewalld": firewalld,
}


@pytest.fixture
def clients():
    clients = Clients()
    yield clients
    clients.close()


def on(*firewalls):
    """A test of what is no matter of the firewall: some are enough."""
    return pytest.mark.parametrize("firewalls", [firewalls], ids=[""])


@pytest.fixture
def firewalls():
    return tuple(FIREWALLS)


@pytest.fixture
def hosts(clients, firewalls):
    hosts = []
    try:
        for name in firewalls:
            hosts.append(Host(clients, name, FIREWALLS[name]))
        yield hosts
    finally:
        for host in hosts:
            host.close()


@pytest.fixture
def inventory(tmp_path, hosts):
    return Inventory(tmp_path, hosts)


def harden(**options):
    options = {"allow": ALLOW, **options}
    return {
        "name": "harden",
        "memsec.memcached.harden": options,
        "register": "hardened",
    }


def settle(state):
    """What comes after, by a new connection."""
    options = {"name": "{{ hardened.name }}", "state": state}
    return [
        {"ansible.builtin.meta": "reset_connection"},
        {"name": "settle", "memsec.memcached.confirm": options},
    ]


def changed(results, task="harden"):
    return {
        one["host"]: one["result"].get("changed")
        for one in results
        if one["task"].endswith(task)
    }


def each(hosts, value):
    return {host.name: value for host in hosts}


def everybody_gets_in(clients, hosts):
    return all(clients.reach(host, 66) == [True, True] for host in hosts)


def only_the_clients_get_in(clients, hosts):
    for host in hosts:
        host.await_daemon()
        assert clients.reach(host, 20) == [True, True], host.name
        assert clients.reach(host, 66) == [False, False], host.name


@on("bare", "ufw")
def test_facts_say_who_reaches_memcached(inventory, hosts):
    task = {"name": "facts", "memsec.memcached.facts": {}}
    status, results = inventory.play([task])
    assert status == 0, results
    assert changed(results, "facts") == each(hosts, False)
    for one in results:
        report = one["result"]["ansible_facts"]["memsec"]
        assert {e["scope"] for e in report["exposures"]} >= {"internet"}


def test_check_mode_shows_a_diff_and_changes_nothing(
    inventory, clients, hosts
):
    before = [host.read("/etc/memcached.conf") for host in hosts]
    status, results = inventory.play([harden()], "--check", "--diff")
    assert status == 0, results
    assert changed(results) == each(hosts, True)
    for one in results:
        headers = [d["after_header"] for d in one["result"]["diff"]]
        assert "/etc/memcached.conf" in headers
    assert [host.read("/etc/memcached.conf") for host in hosts] == before
    assert everybody_gets_in(clients, hosts)


@pytest.mark.parametrize("where", ["host", "controller"])
def test_only_the_clients_get_in(inventory, clients, hosts, where):
    status, results = inventory.play([harden(where=where)])
    assert status == 0, results
    assert changed(results) == each(hosts, True)
    only_the_clients_get_in(clients, hosts)
    status, results = inventory.play([harden(where=where)])
    assert status == 0, results
    assert changed(results) == each(hosts, False)


@on("nftables", "firewalld")
def test_a_change_is_confirmed_and_undone_by_its_name(
    inventory, clients, hosts
):
    before = [host.read("/etc/memcached.conf") for host in hosts]
    tasks = [harden(rollback_timeout=600), *settle("confirmed")]
    status, results = inventory.play(tasks)
    assert status == 0, results
    assert changed(results, "settle") == each(hosts, True)
    only_the_clients_get_in(clients, hosts)
    made = results[: len(hosts)]
    names = {one["host"]: one["result"]["name"] for one in made}
    name = "{{ names[inventory_hostname] }}"
    task = {"ansible.builtin.set_fact": {"hardened": {"name": name}}}
    tasks = [{**task, "vars": {"names": names}}]
    # A confirmation that is there already changes nothing.
    for state, changes in [("confirmed", False), ("rolled-back", True)]:
        status, results = inventory.play(tasks + settle(state))
        assert status == 0, results
        assert changed(results, "settle") == each(hosts, changes)
    assert [host.read("/etc/memcached.conf") for host in hosts] == before
    for host in hosts:
        host.await_daemon()
    assert everybody_gets_in(clients, hosts)


@on("iptables", "ufw")
def test_the_host_undoes_by_itself_what_nobody_confirms(
    inventory, clients, hosts
):
    before = [host.read("/etc/memcached.conf") for host in hosts]
    status, results = inventory.play([harden(rollback_timeout=15)])
    assert status == 0, results
    # Nothing here asks the hosts for anything.
    until = time.monotonic() + 60
    while [host.read("/etc/memcached.conf") for host in hosts] != before:
        assert time.monotonic() < until, results
        time.sleep(0.2)
    # The file comes back before the guard goes.
    while not everybody_gets_in(clients, hosts):
        assert time.monotonic() < until, results


@on("nftables")
def test_the_role_keeps_what_can_be_reached_afterwards(
    inventory, clients, hosts
):
    role = {"name": "memsec.memcached.harden"}
    tasks = [
        {"ansible.builtin.import_role": role, "vars": {"memsec_allow": ALLOW}}
    ]
    status, results = inventory.play(tasks)
    assert status == 0, results
    assert changed(results, "Keep the change") == each(hosts, True)
    only_the_clients_get_in(clients, hosts)


@on("iptables")
@pytest.mark.parametrize("where", ["host", "controller"])
def test_what_would_lock_clients_out_is_refused(
    inventory, clients, hosts, where
):
    bind = ["127.0.0.1"]
    status, results = inventory.play([harden(bind=bind, where=where)])
    assert status == 2
    assert {one["outcome"] for one in results} == {"failed"}
    for one in results:
        assert "all-allowed: " in one["result"]["msg"], one
        assert ALLOW[0] in one["result"]["msg"], one
    assert everybody_gets_in(clients, hosts)


# ansible-core has its own oldest; below it the snapshot is read by hand.
OLD = Path.home() / ".pyenv/versions/3.8.18/bin/python3.8"


@on("iptables", "firewalld")
@pytest.mark.skipif(not OLD.exists(), reason=f"skipped: no {OLD.name}")
def test_a_host_with_an_old_python_is_hardened_from_here(
    inventory, clients, hosts
):
    assert subprocess.run([OLD, "-c", "import memsec"]).returncode != 0
    inventory.interpreter(OLD)
    status, results = inventory.play([harden(where="controller")])
    assert status == 0, results
    only_the_clients_get_in(clients, hosts)


@pytest.mark.parametrize(
    "kind, names",
    [
        ("module", ["confirm", "facts", "harden", "snapshot"]),
        ("filter", ["audit", "plan"]),
        ("role", ["harden"]),
    ],
)
def test_ansible_doc_reads_the_documentation(tmp_path, kind, names):
    Inventory(tmp_path, [])
    names = [f"memsec.memcached.{name}" for name in names]
    out = subprocess.run(
        [Path(sys.executable).parent / "ansible-doc", "-t", kind, *names],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert out.returncode == 0 and out.stderr == "", out.stderr
    assert all(name in out.stdout.lower() for name in names), out.stdout
