"""Writes a table of snapshots to try the others on: write.py ROWS FILE."""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

SAMPLE = Path(__file__).resolve().parent.parent / "host" / "snapshot.json"


def main(rows: int, out: str) -> None:
    """Every tenth snapshot is no snapshot, as it goes in a fleet."""
    text = SAMPLE.read_text()
    texts = [text if i % 10 else "{" for i in range(rows)]
    hosts = [f"host{i}" for i in range(rows)]
    table = pa.table({"host": hosts, "snapshot": texts})
    pq.write_table(table, out, row_group_size=4096)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
