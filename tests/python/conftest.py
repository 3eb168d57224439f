"""A host whose memcached everybody can reach, and the command."""

import subprocess
import sys

import memsec
import pytest

ADDRESSES = """[{"ifname": "lo", "link_type": "loopback", "addr_info": [
    {"family": "inet", "local": "127.0.0.1", "prefixlen": 8},
    {"family": "inet6", "local": "::1", "prefixlen": 128}]},
  {"ifname": "eth0", "link_type": "ether", "addr_info": [
    {"family": "inet", "local": "192.0.2.10", "prefixlen": 24},
    {"family": "inet6", "local": "2001:db8:1::10", "prefixlen": 64}]}]"""


@pytest.fixture
def snapshot():
    return (
        memsec.Snapshot()
        .add_file(
            "/etc/memcached.conf", "-l 0.0.0.0\n-U 11211\n-u memcache\n"
        )
        .add_command("memcached -V", "memcached 1.6.18\n")
        .add_command("iptables-save", "")
        .add_command("ip6tables-save", "")
        .add_command("ip -j address", ADDRESSES)
    )


@pytest.fixture
def file(snapshot, tmp_path):
    path = tmp_path / "snapshot.json"
    path.write_text(snapshot.to_json())
    return str(path)


@pytest.fixture
def run():
    def run(*arguments, stdin=b""):
        done = subprocess.run(
            [sys.executable, "-m", "memsec", *arguments],
            input=stdin,
            capture_output=True,
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr.decode()

    return run


@pytest.fixture
def fails(run):
    """Runs the command, which must fail as it should; gives the line."""

    def fails(*arguments, stdin=b""):
        status, out, err = run(*arguments, stdin=stdin)
        assert (status, out) == (2, b"")
        assert err.startswith("memsec: ") and err.count("\n") == 1, err
        return err[len("memsec: ") : -1]

    return fails
