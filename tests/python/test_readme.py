"""What the README shows of Python runs."""

import pathlib

README = pathlib.Path(__file__).parents[2] / "README.md"


def test_the_example_runs(capsys):
    code = README.read_text().split("```python\n")[1].split("```")[0]
    exec(compile(code, "README.md", "exec"), {})
    assert "Traceback" not in capsys.readouterr().err
