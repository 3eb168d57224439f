"""The host, and what is skipped where it cannot be."""

import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

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
