"""A Cockpit with memsec's page, and a browser to see it with."""

import json
import os
import subprocess
import time

from host import ROOT, SERVER, end, on_host

PAGE = ROOT / "examples/panel/cockpit"
PORT = 9090
HOME = "/tmp/home"


def build(venv):
    """Makes the page, by the packages that its lock file names."""
    path = f"{venv}/bin:{os.environ['PATH']}"
    for words in ["ci", "--quiet"], ["run", "--silent", "build"]:
        done = subprocess.run(
            ["npm", *words],
            cwd=PAGE,
            env={**os.environ, "PATH": path},
            capture_output=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr.decode()


class Cockpit:
    """On a host, where the command is, and every program of the page."""

    def __init__(self, host, venv):
        self.host = host
        shared = f"{HOME}/.local/share/cockpit"
        host.run("mkdir", "-p", shared, f"{HOME}/run")
        host.run("ln", "-s", on_host(PAGE / "dist"), f"{shared}/memsec")
        python = on_host(venv / "bin/python")
        command = f'#!/bin/sh\nexec {python} -m memsec "$@"\n'
        host.write("/run/bin/memsec", command)
        host.run("chmod", "755", "/run/bin/memsec")
        self.start()

    def start(self):
        words = ["--no-tls", "-a", "0.0.0.0", "-p", str(PORT)]
        words.append("--local-session=/usr/bin/cockpit-bridge")
        self.server = self.host.start(
            "/usr/lib/cockpit/cockpit-ws",
            *words,
            HOME=HOME,
            XDG_DATA_HOME=f"{HOME}/.local/share",
            XDG_RUNTIME_DIR=f"{HOME}/run",
        )
        for _ in range(100):
            if self.host.run("ss", "-ltnH", f"sport = :{PORT}"):
                return
            time.sleep(0.1)
        raise AssertionError("Cockpit does not listen")

    def stop(self):
        end(self.server)

    def shut(self, which=""):
        """Drops what comes to Cockpit; `which` narrows that."""
        rules = f"""table inet cut {{
            chain input {{
                type filter hook input priority 0
                {which} tcp dport {PORT} drop
            }}
        }}"""
        self.host.run("nft", "-f", "-", stdin=rules)

    def open(self):
        self.host.run("nft", "delete", "table", "inet", "cut")

    def runs(self):
        printed = self.host.run("memsec", "history", "--json")
        return json.loads(printed)["runs"]


def wrapper(host, directory):
    """A chromium in the clients' network, where the administrator is."""
    path = directory / "chromium"
    words = " ".join(host.clients.enter("net"))
    path.write_text(f'#!/bin/sh\nexec {words} /usr/bin/chromium "$@"\n')
    path.chmod(0o755)
    return path


AT = f"http://{SERVER}:{PORT}"
SHELL, BARE = f"{AT}/memsec", f"{AT}/cockpit/@localhost/memsec/index.html"


def visit(page, address):
    """Opens a page, also while another one is still being left: a page that
    lost its server tries to come back by itself."""
    for _ in range(20):
        try:
            return page.goto(address, timeout=15000)
        except Exception as error:
            aborted = ["interrupted by another", "ERR_ABORTED"]
            if not any(words in str(error) for words in aborted):
                raise
            time.sleep(0.5)
    raise AssertionError(f"nobody answers at {address}")
