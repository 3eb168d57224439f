"""The plugin for Ajenti, in an Ajenti that runs."""

import time

import pytest
from conftest import missing
from host import ROOT, SERVER, on_host

CONFIG = """
auth: {allow_sudo: true, provider: os, users_file: /etc/ajenti/users.yml}
bind: {host: 0.0.0.0, mode: tcp, port: 8000}
color: default
max_sessions: 9
name: host
session_max_time: 3600
ssl: {enable: false, force: false, client_auth: {enable: false}}
"""


@pytest.fixture
def ajenti(host, venv):
    if not (venv / "bin/ajenti-panel").exists():
        missing("there is no Ajenti")
    host.write("/etc/ajenti/config.yml", CONFIG)
    host.run("mount", "-t", "tmpfs", "log", "/var/log")
    words = ["--plugins", on_host(ROOT / "examples/panel/ajenti")]
    words += ["--stock-plugins", "-v", "--autologin"]
    programs = on_host(venv / "bin")
    host.start(programs / "python", programs / "ajenti-panel", *words)


@pytest.fixture
def get(host, ajenti):
    def get(path):
        url = f"http://{SERVER}:8000{path}"
        script = (
            "import gzip, sys, urllib.request\n"
            f"page = urllib.request.urlopen({url!r}, timeout=20).read()\n"
            "zipped = page.startswith(b'\\x1f\\x8b')\n"
            "page = gzip.decompress(page) if zipped else page\n"
            "sys.stdout.buffer.write(page)\n"
        )
        return host.run("/usr/bin/python3", "-c", script)

    for _ in range(100):
        try:
            get("/")
            return get
        except AssertionError:
            time.sleep(0.1)
    raise AssertionError("Ajenti does not answer")


def test_ajenti_has_the_plugin(get):
    assert "/view/memcached" in get("/api/core/sidebar")
    assert "memsec.memcached" in get("/resources/all.js")
    assert "/api/memcached/report" in get("/resources/all.partials.js")
    page = get("/api/memcached/report")
    assert page.startswith("<!doctype html>")
    assert "Anyone on the internet can read and change this cache" in page


def test_it_is_a_page_of_ajenti(get, browser):
    page = browser.new_page()
    page.goto(f"http://{SERVER}:8000/view/memcached")
    shown = page.frame_locator("iframe[title='Who can reach memcached']")
    answer = "Anyone on the internet can read and change this cache"
    shown.get_by_role("heading", level=1, name=answer).wait_for()
    shown.locator("svg.map").first.wait_for()


def test_an_error_is_said(get, host):
    host.write("/etc/memsec/policy.json", '{"allow": ["10.0.0.1/8"]}')
    said = get("/api/memcached/report")
    assert said.startswith("memsec: /etc/memsec/policy.json:1:")
    assert "10.0.0.0/8" in said
