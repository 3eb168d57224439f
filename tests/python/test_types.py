"""The types: the package by mypy, the stub against the module."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOW = Path(__file__).with_name("stubtest-allow.txt")


def holds(*command, cwd):
    pytest.importorskip("mypy")
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_package_is_typed(tmp_path):
    source = str(ROOT / "memsec-py" / "python")
    holds("mypy", "--strict", source, cwd=tmp_path)


def test_the_example_is_typed(tmp_path):
    source = str(ROOT / "examples" / "python" / "audit.py")
    holds("mypy", "--strict", source, cwd=tmp_path)


def test_the_stub_is_that_of_the_module(tmp_path):
    allow = ["--allowlist", str(ALLOW)]
    holds("mypy.stubtest", "memsec", *allow, cwd=tmp_path)
