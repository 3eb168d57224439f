"""Audits a table with Ray: ray_.py IN OUT."""

import sys

import memsec
import pyarrow as pa
import ray


def audited(table: pa.Table) -> pa.Table:
    """What `map_batches` wants, with `batch_format="pyarrow"`."""
    return pa.Table.from_batches(memsec.audit_batches(table.to_batches()))


def main(source: str, out: str) -> None:
    """Ray stays on this machine."""
    ray.init(_node_ip_address="127.0.0.1", include_dashboard=False)
    data = ray.data.read_parquet(source)
    data.map_batches(audited, batch_format="pyarrow").write_parquet(out)
    counts = ray.data.read_parquet(out).groupby("status").count().take_all()
    print({row["status"]: row["count()"] for row in counts})


if __name__ == "__main__":
    main(*sys.argv[1:])
