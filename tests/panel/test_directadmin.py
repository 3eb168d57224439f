"""The page for DirectAdmin, which runs it as a program."""

import re
import subprocess

import pytest
from host import ROOT

PLUGIN = ROOT / "examples/panel/directadmin"
PAGE = PLUGIN / "admin/index.html"


@pytest.fixture(scope="module")
def library(need, tmp_path_factory):
    """A directory with libmemsec.so.0, as it was built last."""
    need("php", "cargo")
    built = list(ROOT.glob("target/*/libmemsec.so"))
    if not built:
        build = ["cargo", "build", "--quiet", "--locked", "-p", "memsec-ffi"]
        subprocess.run(build, cwd=ROOT, check=True, timeout=900)
        built = [ROOT / "target/debug/libmemsec.so"]
    last = max(built, key=lambda path: path.stat().st_mtime)
    directory = tmp_path_factory.mktemp("library")
    (directory / "libmemsec.so.0").symlink_to(last)
    return directory


@pytest.fixture
def page(library):
    def page(snapshot):
        done = subprocess.run(
            ["php", PAGE, snapshot],
            env={"LD_LIBRARY_PATH": str(library), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return page


def test_the_page_says_who_what_and_how(page, sample):
    shown = page(sample)
    assert '<p class="internet">tcp 11211 by eth0: ::/0</p>' in shown
    assert '<h3 class="critical">critical: UDP is on</h3>' in shown
    assert "(/etc/memcached.conf:11). Fix: turn UDP off: -U 0" in shown
    assert "The plan, proved" in shown and "\n-U 11211\n" not in shown
    tags = set(re.findall(r"</?(\w+)", shown))
    assert tags == {"h2", "h3", "p", "pre"}


def test_an_error_is_said_and_escaped(page, tmp_path):
    file = tmp_path / "snapshot"
    file.write_text('{"files": "<b>"}')
    shown = page(file)
    assert shown.startswith('<p class="error">memsec: json:1:15: ')
    assert "&lt;b&gt;" in shown and shown.count("\n") == 1


def test_the_layout_is_the_documented_one():
    lines = (PLUGIN / "plugin.conf").read_text().splitlines()
    keys = dict(line.split("=", 1) for line in lines)
    assert keys["id"] == "memsec" and keys["version"]
    for program in PAGE, PLUGIN / "scripts/install.sh":
        assert program.stat().st_mode & 0o111 == 0o111
        assert program.read_text().startswith("#!/")
