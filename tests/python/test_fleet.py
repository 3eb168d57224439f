"""The examples for fleets: a Parquet file of snapshots in, findings out."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

EXAMPLES = Path(__file__).parents[2] / "examples" / "fleet"
ROWS = 300


def example(name, *arguments):
    return subprocess.check_output(
        [sys.executable, EXAMPLES / name, *map(str, arguments)],
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=600,
    )


@pytest.mark.parametrize(
    "name, needs",
    [
        ("one.py", "pyarrow"),
        ("spark.py", "pyspark"),
        ("dask_.py", "dask"),
        ("ray_.py", "ray"),
    ],
)
def test_an_engine_audits_a_table(name, needs, tmp_path):
    if find_spec(needs) is None:
        pytest.skip(f"skipped: no {needs}; see examples/fleet")
    table, out = tmp_path / "in.parquet", tmp_path / "out"
    example("write.py", ROWS, table)
    # Every tenth is no snapshot; the others have findings.
    wanted = {1: ROWS * 9 // 10, 2: ROWS // 10}
    assert example(name, table, out).strip() == str(wanted)
