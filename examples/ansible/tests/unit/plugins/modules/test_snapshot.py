# Copyright: the memsec authors
# MIT or Apache-2.0 (see LICENSE-MIT, LICENSE-APACHE)
"""What the module reads, and what it leaves out."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os

from ansible_collections.memsec.memcached.plugins.modules import snapshot


def test_bytes_that_are_no_text_are_base64():
    assert snapshot.text(b"a") == dict(text="a")
    assert snapshot.text(b"\xff") == dict(base64="/w==")


def test_values_of_settings_are_left_out():
    data = b'SECRET = "x"\nOTHER = "y"\n  SECRET="z"\n'
    read = snapshot.without(data, ["SECRET"])
    assert read == b'SECRET = "***"\nOTHER = "y"\n  SECRET="***"\n'
    assert snapshot.without(data, None) == data


def test_files_are_found_by_patterns(tmp_path):
    for name in ("a.conf", "b.conf", "c"):
        tmp_path.joinpath(name).write_text(name)
    os.chmod(str(tmp_path.joinpath("a.conf")), 0o640)
    found = snapshot.files([str(tmp_path.joinpath("*.conf"))], {})
    assert sorted(os.path.basename(path) for path in found) == [
        "a.conf",
        "b.conf",
    ]
    first = found[str(tmp_path.joinpath("a.conf"))]
    assert (first["text"], first["mode"]) == ("a.conf", "0640")


def test_what_is_not_there_is_absent(tmp_path):
    missing = str(tmp_path.joinpath("none"))
    assert snapshot.read(missing, None) is None
    assert snapshot.files([missing], {}) == {}
    assert snapshot.read(str(tmp_path), None) == dict(error="EISDIR")


def test_words_end_with_a_nul():
    assert snapshot.words(b"memcached\0-p\0") == ["memcached", "-p"]
    assert snapshot.words(b"") == []


KEPT = {"": ["Args", "Config", "Path"], "Config": ["Cmd", "Env", "Image"]}


def test_of_a_container_nothing_is_kept_that_can_be_secret():
    shown = """[{"Path": "mysqld", "Args": ["--password=x"], "Mounts": ["x"],
        "Config": {"Image": "mysql", "Cmd": ["--password=x"],
        "Env": ["MYSQL_ROOT_PASSWORD=x", "A"], "Labels": {"x": "x"}}}]"""
    assert json.loads(snapshot.cleared(shown, KEPT, [])) == [
        dict(
            Path="mysqld",
            Config=dict(Image="mysql", Env=["MYSQL_ROOT_PASSWORD=", "A="]),
        )
    ]


def test_what_memcached_is_started_with_is_kept():
    shown = """[{"Path": "memcached", "Args": ["-v"],
        "Config": {"Cmd": ["memcached", "-v"], "Env": ["A=1", "B=2"]}}]"""
    assert json.loads(snapshot.cleared(shown, KEPT, ["A"])) == [
        dict(
            Path="memcached",
            Args=["-v"],
            Config=dict(Cmd=["memcached", "-v"], Env=["A=1", "B="]),
        )
    ]


def test_what_shows_no_containers_is_left_out():
    assert snapshot.cleared("", KEPT, []) == ""
