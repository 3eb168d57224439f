"""The types: the package by mypy and by pyright, the stub against the
module."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
ALLOW = Path(__file__).with_name("stubtest-allow.txt")


def holds(*command, cwd):
    pytest.importorskip("mypy")
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        # pyright asks the first Python of the path where packages are.
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
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


@pytest.mark.parametrize(
    "words", [["--verifytypes", "memsec", "--ignoreexternal"], ["package"]]
)
def test_pyright_says_the_same(words, tmp_path):
    pytest.importorskip("pyright")
    source = str(ROOT / "memsec-py" / "python")
    words = [source if word == "package" else word for word in words]
    config = {
        "typeCheckingMode": "strict",
        "pythonVersion": "3.9",
        # The module lies where the package is installed, not beside it.
        "reportMissingModuleSource": False,
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))
    holds("pyright", *words, cwd=tmp_path)


def test_the_stub_is_that_of_the_module(tmp_path):
    allow = ["--allowlist", str(ALLOW)]
    holds("mypy.stubtest", "memsec", *allow, cwd=tmp_path)
