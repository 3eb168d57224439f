"""Audits a table on one machine, without an engine: one.py IN OUT."""

import collections
import sys

import memsec
import pyarrow.parquet as pq


def main(source: str, out: str) -> None:
    """Holds no more than one batch at a time."""
    statuses: collections.Counter = collections.Counter()
    batches = pq.ParquetFile(source).iter_batches(batch_size=4096)
    writer = None
    for batch in memsec.audit_batches(batches):
        writer = writer or pq.ParquetWriter(out, batch.schema)
        writer.write_batch(batch)
        statuses.update(batch["status"].to_pylist())
    if writer:
        writer.close()
    print(dict(sorted(statuses.items())))


if __name__ == "__main__":
    main(*sys.argv[1:])
