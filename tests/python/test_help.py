"""What teaches the command: its help, its manual page, its completion.

All come from one parser. What shtab and manual.py make of it is in the tree;
to write it: `MEMSEC_BLESS=1 pytest tests/python/test_help.py`.
"""

import argparse
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import manual
import pytest
from memsec.__main__ import _COMMANDS, _examples, parser
from memsec.command.completion import SHELLS

SOURCE = Path(__file__).parents[2] / "memsec-py"
MANUAL = SOURCE / "memsec.data" / "data" / "share/man/man1/memsec.1"
DIRECTORY = SOURCE / "python" / "memsec" / "command" / "shells"


def commands():
    (found,) = [
        action
        for action in parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    return found.choices


def holds(path, text):
    if os.environ.get("MEMSEC_BLESS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text, "it is old: see the head of this test"


def every_example():
    every = [_examples(module) for _, module in _COMMANDS]
    return [line for examples in every for line, _ in examples]


@pytest.mark.parametrize("line", every_example())
def test_every_example_is_one(line):
    words = shlex.split(line)
    words = words[: words.index(">")] if ">" in words else words
    assert parser().parse_args(words).command == words[0]


@pytest.mark.parametrize("name", [name for name, _ in _COMMANDS])
def test_the_help_teaches_by_example(run, name):
    status, out, err = run(name, "--help")
    assert (status, err) == (0, "")
    assert f"\n  memsec {name}" in out.decode() and b"Exit status: " in out
    assert max(map(len, out.decode().splitlines())) < 80


def test_every_command_takes_json():
    assert all("--json" in it._option_string_actions for it in
               commands().values())  # fmt: skip


def test_every_argument_has_a_help():
    for command in commands().values():
        assert all(action.help for action in command._actions)


def completed():
    """The parser, with what stands for a file named by its metavar."""
    shtab = pytest.importorskip("shtab")
    made = parser()
    kinds = {"FILE": shtab.FILE, "DIR": shtab.DIRECTORY, "A": shtab.FILE}
    for command in commands_of(made):
        for action in command._actions:
            if action.metavar in kinds:
                action.complete = kinds[action.metavar]
    return shtab, made


def commands_of(made):
    (found,) = [a for a in made._actions if a.dest == "command"]
    return found.choices.values()


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_is_that_of_the_parser(shell, run):
    shtab, made = completed()
    text = shtab.complete(made, shell)
    holds(DIRECTORY / f"memsec.{shell}", text)
    assert run("completion", shell)[:2] == (0, text.encode())


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_reads_its_completion(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"skipped: no {shell}")
    subprocess.run([shell, "-n", DIRECTORY / f"memsec.{shell}"], check=True)


def test_bash_completes():
    script = f"""
        source {DIRECTORY}/memsec.bash
        COMP_WORDS=(memsec {{}}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        $(complete -p memsec | sed 's/.*-F \\([^ ]*\\) .*/\\1/') memsec
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """

    def answers(*words):
        text = script.replace("{}", " ".join(words))
        out = subprocess.check_output(["bash", "-c", text], text=True)
        return out.split()

    assert {"audit", "apply"} == set(answers("a"))
    assert "--allow" in answers("plan", "--al")
    assert {"bash", "fish", "zsh"} == set(answers("completion", "''"))


def test_the_manual_page_is_that_of_the_parser():
    holds(MANUAL, manual.page(_COMMANDS, parser()))


def test_the_manual_page_is_good():
    if shutil.which("groff") is None:
        pytest.skip("skipped: no groff")
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", MANUAL],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_progress_is_for_a_terminal_only(run, tmp_path):
    lines = b'{"schema":1}\n' * 100
    assert run("audit", "--jsonl", "-", stdin=lines)[2] == ""


def test_a_terminal_shows_progress(monkeypatch):
    import io
    import time

    from memsec.command import progress

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    seen = Terminal()
    monkeypatch.setattr("sys.stderr", seen)
    monkeypatch.setattr(progress, "_PATIENCE", 0.01)
    monkeypatch.setattr(progress, "_BETWEEN", 0.01)
    with progress.Progress("lines read", total=2000) as shown:
        shown.done = 1000
        while "lines read" not in seen.getvalue():
            time.sleep(0.01)
    assert "memsec: lines read: 1,000 of 2,000, 0 s" in seen.getvalue()
    # What was on the terminal before is all that stays there.
    assert seen.getvalue().endswith("\r\x1b[K")
