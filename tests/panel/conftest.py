"""The host, and what is skipped where it cannot be."""

import fcntl
import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cockpit import BARE, Cockpit, build, visit, wrapper  # noqa: E402
from host import ROOT, Host  # noqa: E402


def missing(reason):
    assert os.environ.get("CI") != "true", reason
    pytest.skip(reason)


@pytest.fixture(scope="session")
def need():
    """Skips a test where a program is not there, or root is not."""

    def need(*programs):
        if os.geteuid() != 0:
            missing("not root")
        for program in programs:
            if shutil.which(program) is None:
                missing(f"there is no {program}")

    return need


@pytest.fixture
def host(need):
    need("unshare", "nsenter", "ip", "nft", "memcached")
    made = Host(["-l 0.0.0.0,::", "-U 11211"])
    yield made
    made.close()


@pytest.fixture(scope="session")
def sample():
    return ROOT / "examples/host/snapshot.json"


@pytest.fixture(scope="session")
def venv():
    """Where the packages are that the panels are run with."""
    return Path(sys.prefix)


@pytest.fixture(scope="session")
def built(need, venv, tmp_path_factory):
    """Cockpit's page, as its source is now: built by one process of many."""
    need("cockpit-bridge")
    if not (venv / "bin/npm").exists():
        missing("there is no npm")
    if "PYTEST_XDIST_WORKER" not in os.environ:
        build(venv)
        return
    done = tmp_path_factory.getbasetemp().parent / "cockpit"
    with done.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if done.stat().st_size == 0:
            build(venv)
            file.write("built")


@pytest.fixture
def panel(built, host, venv):
    """Cockpit on the host."""
    return Cockpit(host, venv)


@pytest.fixture
def browser(host, need, tmp_path):
    """A browser of an administrator who is where the clients are."""
    need("chromium")
    for name in "PIL", "playwright":
        if importlib.util.find_spec(name) is None:
            missing(f"there is no {name}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=str(wrapper(host, tmp_path)),
            args=["--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
        )
        yield started
        started.close()


@pytest.fixture
def tab(browser, panel):
    """Opens a page of its own, and fails if a script of it does."""
    thrown = []

    def tab(address=BARE, width=1000, height=900, theme="light"):
        page = browser.new_page(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            reduced_motion="reduce",
        )
        page.on("pageerror", lambda error: thrown.append(error.stack))
        visit(page, address)
        return page

    yield tab
    # Cockpit's own pages miss what this host has not.
    assert not [stack for stack in thrown if "/memsec/" in stack]
