"""Hosts in network namespaces, as Ansible reaches them."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
DAEMON = HERE.parent / "tests" / "daemon"

# The arguments of ssh end with the host and the command.
SSH = """#!/bin/sh
while [ $# -gt 2 ]; do shift; done
exec nsenter -t "$(cat {pids}/"$1")" -n -m -p sh -c "$2"
"""

CONF = "-d\n-m 64\n-p 11211\n-u memcache\n-U 11211\n"

SETTINGS = {"PATH": "/run/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


# The first process of a host buries what daemons leave behind. A shell would
# not: what it ignores, its children do not.
INIT = """
import signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print(flush=True)
while True:
    signal.pause()
"""


def run(*words, **options):
    """Runs a command, which must succeed; gives what it prints."""
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=120, **options
    )
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


class Namespace:
    """A network, mounts and processes, that end with it."""

    def __init__(self):
        self.process = subprocess.Popen(
            [
                *("unshare", "--net", "--pid", "--fork", "--kill-child"),
                *("--mount-proc", "/usr/bin/python3", "-c", INIT),
            ],
            stdout=subprocess.PIPE,
        )
        self.process.stdout.readline()
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children")
        self.pid = int(children.read_text().split()[0])
        self.run("ip", "link", "set", "lo", "up")

    def enter(self, *words):
        return ["nsenter", "-t", str(self.pid), "-n", "-m", "-p", *words]

    def run(self, *words, **options):
        return run(*self.enter(*words), env=SETTINGS, **options)

    def close(self):
        self.process.kill()
        self.process.wait()


class Clients(Namespace):
    """Those who may, those who may not, and a bridge to the hosts."""

    def __init__(self):
        super().__init__()
        self.hosts = 0
        self.run("ip", "link", "add", "clients", "type", "bridge")
        for last in (20, 66):
            self.address("clients", last)
        self.run("ip", "link", "set", "clients", "up")

    def address(self, link, last):
        for address in (f"192.0.2.{last}/24", f"2001:db8:1::{last}/64"):
            self.run("ip", "address", "add", address, "dev", link, "nodad")

    def reach(self, host, last, port=11211):
        """For IPv4 and IPv6, whether a client gets an answer."""
        return [
            self.talks(f"192.0.2.{last}", f"192.0.2.{host.last}", port),
            self.talks(
                f"2001:db8:1::{last}", f"2001:db8:1::{host.last}", port
            ),
        ]

    def talks(self, source, target, port):
        script = (
            "import socket, sys\n"
            "source, target, port = sys.argv[1:]\n"
            "try:\n"
            "    talk = socket.create_connection((target, int(port)), 0.5,"
            " (source, 0))\n"
            "    talk.sendall(b'version\\r\\n')\n"
            "    print(bool(talk.recv(9)))\n"
            "except OSError:\n"
            "    print(False)\n"
        )
        words = ["/usr/bin/python3", "-c", script, source, target, str(port)]
        return self.run(*words) == "True\n"


class Host(Namespace):
    """A host that runs memcached as Debian does, open to everybody."""

    def __init__(self, clients, name, firewall):
        super().__init__()
        self.name = name
        self.last = 10 + clients.hosts
        clients.hosts += 1
        self.join(clients)
        nothing = shutil.which("true")
        boot = (DAEMON / "boot.sh").read_text()
        systemctl = (DAEMON / "systemctl").read_text()
        files = [nothing, nothing]
        self.run("sh", "-c", boot, "boot.sh", *files, input=systemctl)
        self.write("/etc/memcached.conf", CONF)
        firewall(self)
        self.run("systemctl", "start", "memcached.service")
        self.await_daemon()

    def join(self, clients):
        link = f"h{self.last}"
        # The number of the clients' process is one of this side.
        run(
            *("nsenter", "-t", str(self.pid), "-n"),
            *("ip", "link", "add", "eth0", "type", "veth"),
            *("peer", "name", link, "netns", str(clients.pid)),
        )
        clients.run("ip", "link", "set", link, "master", "clients", "up")
        for address in (
            f"192.0.2.{self.last}/24",
            f"2001:db8:1::{self.last}/64",
        ):
            self.run("ip", "address", "add", address, "dev", "eth0", "nodad")
        self.run("ip", "link", "set", "eth0", "up")

    def write(self, path, text):
        self.run("sh", "-c", 'cat > "$0"', path, input=text)

    def read(self, path):
        return self.run("cat", path)

    def await_daemon(self):
        for _ in range(200):
            if ":11211" in self.run("ss", "-lntH"):
                return
            time.sleep(0.02)
        raise AssertionError("memcached does not listen")


def iptables(host):
    """Rules that let ssh and memcached in, and reject the rest."""
    for program in ("iptables", "ip6tables"):
        host.run(
            f"{program}-restore",
            input="*filter\n:INPUT ACCEPT [0:0]\n"
            "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
            "-A INPUT -i lo -j ACCEPT\n"
            "-A INPUT -p tcp -m multiport --dports 22,11211 -j ACCEPT\n"
            + (
                "-A INPUT -p ipv6-icmp -j ACCEPT\n"
                if program == "ip6tables"
                else ""
            )
            + "-A INPUT -j REJECT\nCOMMIT\n",
        )


def nftables(host):
    """A table of nftables with a policy that drops."""
    host.run(
        "nft",
        "-f",
        "-",
        input="table inet filter {\nchain input {\n"
        "type filter hook input priority 0; policy drop;\n"
        "ct state established,related accept\niif lo accept\n"
        "meta l4proto ipv6-icmp accept\ntcp dport { 22, 11211 } accept\n}\n}\n",
    )


def ufw(host):
    """ufw, as an administrator sets it up."""
    host.run(
        *("sh", "-ec"),
        "mkdir -p /etc/default\n"
        "cp -a /run/managers/ufw /etc/\n"
        "cp -a /run/managers/default/ufw /etc/default/\n"
        "ufw allow 22/tcp\nufw allow 11211\nufw --force enable\n",
    )


def firewalld(host):
    """firewalld, on a bus of its own, with memcached's service open. Its
    check of the way back is off: who passes that depends on the routes."""
    host.run(
        *("sh", "-ec"),
        "cp -a /run/managers/firewalld /run/managers/dbus-1 /etc/\n"
        "sed -i s/^IPv6_rpfilter=.*/IPv6_rpfilter=no/"
        " /etc/firewalld/firewalld.conf\n"
        "mkdir -p /run/dbus\nmount -t tmpfs log /var/log\n"
        "quiet='</dev/null >/dev/null 2>&1'\n"
        'eval "dbus-daemon --system --fork --nopidfile $quiet"\n'
        'eval "firewalld --nofork --nopid $quiet &"\n'
        "until firewall-cmd --state >/dev/null 2>&1; do sleep 0.1; done\n"
        "for how in '' --permanent; do\n"
        "firewall-cmd -q $how --add-service=memcache\n"
        "firewall-cmd -q $how --add-port=11211/udp\ndone\n",
    )


def nothing(host):
    """No rules."""


class Inventory:
    """What Ansible is told of the hosts, in a directory of its own."""

    def __init__(self, directory, hosts):
        self.directory = directory
        self.names = [host.name for host in hosts]
        self.ssh = directory / "ssh"
        pids = directory / "pids"
        pids.mkdir()
        for host in hosts:
            (pids / host.name).write_text(str(host.pid))
        self.ssh.write_text(SSH.format(pids=pids))
        self.ssh.chmod(0o755)
        self.interpreter(sys.executable)
        collections = directory / "ansible_collections" / "memsec"
        collections.mkdir(parents=True)
        source = HERE.parent.parent / "examples" / "ansible"
        shutil.copytree(source, collections / "memcached")

    def interpreter(self, python):
        """Says which Python the hosts have."""
        (self.directory / "hosts").write_text(
            "[caches]\n" + "\n".join(self.names) + "\n[caches:vars]\n"
            f"ansible_python_interpreter={python}\n"
            f"ansible_ssh_executable={self.ssh}\n"
            "ansible_ssh_transfer_method=piped\n"
            "ansible_remote_tmp=/tmp/ansible\n"
        )

    def play(self, tasks, *flags):
        """Plays tasks on every host; gives what each gave."""
        (self.directory / "play.yml").write_text(
            json.dumps(
                [{"hosts": "caches", "gather_facts": False, "tasks": tasks}]
            )
        )
        done = subprocess.run(
            [
                str(Path(sys.executable).parent / "ansible-playbook"),
                *("-i", "hosts", "play.yml", *flags),
            ],
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=300,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(self.directory),
                "ANSIBLE_STDOUT_CALLBACK": "memsec_results",
                "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback"),
                "ANSIBLE_LOCALHOST_WARNING": "false",
                "ANSIBLE_NOCOLOR": "1",
            },
        )
        lines = done.stdout.splitlines()
        results = [json.loads(line) for line in lines if line[:1] == "{"]
        assert results, (done.stdout, done.stderr)
        return done.returncode, results
