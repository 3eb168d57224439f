"""A host that runs memcached, in namespaces of its own.

It is the one of the tests of Rust (tests/tests/daemon): its mounts, and its
stand-in for systemctl, are theirs.
"""

import os
import signal
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = Path("/mnt")  # where it is on the host
DAEMON = ROOT / "tests/tests/daemon"
ENVIRONMENT = {"PATH": "/run/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/"}

# Who is where, on one link. The administrator's browser is at the clients'.
SERVER, ALLOWED, OTHER = "192.0.2.10", "192.0.2.20", "192.0.2.21"


def on_host(path):
    """Where a path of this machine is on the host."""
    path = Path(path)
    inside = path.is_relative_to(ROOT)
    return REPOSITORY / path.relative_to(ROOT) if inside else path


class Namespace:
    """A network, mounts and processes; they end with the first process,
    which lives as long as its standard input is open."""

    def __init__(self):
        self.first = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc"]
            + ["sh", "-c", "ip link set lo up; echo; cat; exit"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.first.stdout.readline() == b"\n", "no namespaces"

    def enter(self, *kinds):
        """The words before a command that runs in it."""
        files = {"net": "net", "mount": "mnt", "pid": "pid_for_children"}
        place = f"/proc/{self.first.pid}/ns"
        at = [f"--{kind}={place}/{files[kind]}" for kind in kinds or files]
        return ["nsenter", *at, "--"]

    def ip(self, words):
        subprocess.run([*self.enter("net"), "ip", *words.split()], check=True)

    def address(self, *addresses):
        self.ip("link set eth0 up")
        for address in addresses:
            now = " nodad" if ":" in address else ""
            self.ip(f"address add dev eth0{now} {address}")

    def close(self):
        self.first.stdin.close()
        self.first.wait()


class Host(Namespace):
    """One that runs memcached, and is joined with its clients."""

    def __init__(self, options):
        super().__init__()
        self.clients = Namespace()
        self.started = []
        # Its /tmp is its own, and the repository may be below ours.
        self.run("mount", "--rbind", str(ROOT), str(REPOSITORY))
        # boot.sh mounts two programs that these tests do not have.
        boot = ["sh", "-c", (DAEMON / "boot.sh").read_text(), "boot.sh"]
        self.run(*boot, "/bin/true", "/bin/true", stdin=self.systemctl())
        pid = self.clients.first.pid
        self.ip(f"link add eth0 type veth peer name eth0 netns {pid}")
        self.address(f"{SERVER}/24", "2001:db8:1::10/64")
        self.clients.address(f"{ALLOWED}/24", f"{OTHER}/24")
        lines = ["-d", "-m 64", "-p 11211", "-u memcache", *options]
        self.write("/etc/memcached.conf", "\n".join(lines) + "\n")
        self.run("systemctl", "start", "memcached.service")

    @staticmethod
    def systemctl():
        return (DAEMON / "systemctl").read_text()

    def run(self, *command, stdin=""):
        """Runs a program, which must go well; gives what it printed."""
        done = subprocess.run(
            [*self.enter(), *command],
            input=stdin,
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
            timeout=60,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def start(self, *command, **environment):
        """Starts a program that goes on; it ends with the host."""
        words = [*self.enter(), *command]
        environment = {**ENVIRONMENT, **environment}
        self.started.append(
            subprocess.Popen(words, env=environment, start_new_session=True)
        )
        return self.started[-1]

    def write(self, path, text):
        script = 'mkdir -p "${1%/*}" && cat > "$1"'
        self.run("sh", "-c", script, "write", path, stdin=text)

    def answers(self, source):
        """Whether memcached serves this client now."""
        script = (
            "import socket\n"
            f"at = ({SERVER!r}, 11211), 0.5, ({source!r}, 0)\n"
            "with socket.create_connection(*at) as s:\n"
            "    s.settimeout(0.5)\n"
            "    s.sendall(b'version\\r\\n')\n"
            "    assert s.recv(99).startswith(b'VERSION')\n"
        )
        command = [*self.clients.enter("net"), "/usr/bin/python3", "-c"]
        done = subprocess.run([*command, script], capture_output=True)
        return done.returncode == 0

    def close(self):
        super().close()
        self.clients.close()
        for process in self.started:
            process.wait(timeout=10)


def end(process):
    """Ends a process that was started, and all of its session."""
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(timeout=10)
