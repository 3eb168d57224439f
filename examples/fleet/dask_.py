"""Audits a table with Dask: dask_.py IN OUT."""

import sys

import dask
import memsec
import pyarrow as pa
import pyarrow.parquet as pq


@dask.delayed
def audited(source: str, group: int, out: str) -> dict:
    """Audits one row group, and writes a file of its own."""
    batches = pq.ParquetFile(source).read_row_group(group).to_batches()
    table = pa.Table.from_batches(memsec.audit_batches(batches))
    pq.write_table(table, f"{out}/{group}.parquet")
    counts = table["status"].value_counts().to_pylist()
    return {one["values"]: one["counts"] for one in counts}


def main(source: str, out: str) -> None:
    """One task for each row group."""
    from pathlib import Path

    Path(out).mkdir(parents=True, exist_ok=True)
    groups = range(pq.ParquetFile(source).num_row_groups)
    total: dict = {}
    for counts in dask.compute(*(audited(source, g, out) for g in groups)):
        for status, count in counts.items():
            total[status] = total.get(status, 0) + count
    print(dict(sorted(total.items())))


if __name__ == "__main__":
    main(*sys.argv[1:])
