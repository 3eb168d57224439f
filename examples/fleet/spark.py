"""Audits a table with Spark: spark.py IN OUT."""

import sys

import memsec
from pyspark.sql import SparkSession

SCHEMA = "host string, status int, report string"


def main(source: str, out: str) -> None:
    """`audit_batches` is what `mapInArrow` takes."""
    spark = (
        SparkSession.builder.appName("memsec")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", 4096)
        .getOrCreate()
    )
    audited = spark.read.parquet(source).mapInArrow(
        memsec.audit_batches, SCHEMA
    )
    audited.write.mode("overwrite").parquet(out)
    counts = spark.read.parquet(out).groupBy("status").count().collect()
    print({row["status"]: row["count"] for row in sorted(counts)})
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
