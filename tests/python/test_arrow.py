"""Record batches in and out."""

import json

import memsec
import pytest

pyarrow = pytest.importorskip("pyarrow")


@pytest.fixture
def batch(snapshot):
    texts = [snapshot.to_json(), "not a snapshot", None]
    return pyarrow.record_batch({"host": ["a", "b", "c"], "snapshot": texts})


def rows(batch):
    return pyarrow.record_batch(batch).to_pylist()


def test_a_row_is_what_audit_says(batch, snapshot):
    first = rows(memsec.audit_arrow(batch))[0]
    assert (first["host"], first["status"]) == ("a", 1)
    report = memsec.audit(snapshot)
    assert json.loads(first["report"]) == json.loads(report.to_json())


def test_bad_rows_are_said_and_the_rest_go_on(batch):
    _, second, third = rows(memsec.audit_arrow(batch))
    assert (second["status"], third["status"]) == (2, 2)
    assert json.loads(second["report"])["error"]["line"] == 2
    assert json.loads(third["report"])["error"]["line"] == 3


def test_a_policy_and_a_column_are_taken(batch):
    batch = batch.rename_columns(["host", "text"])
    policy = memsec.Policy(allow=["0.0.0.0/0", "::/0"])
    audited = memsec.audit_arrow(batch, "text", policy)
    assert len(audited) == 3
    assert [set(row) for row in rows(audited)] == 3 * [
        {"host", "status", "report"}
    ]


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view"])
def test_every_kind_of_text_is_read(kind, snapshot):
    texts = pyarrow.array([snapshot.to_json()], getattr(pyarrow, kind)())
    batch = pyarrow.record_batch({"snapshot": texts})
    assert rows(memsec.audit_arrow(batch))[0]["status"] == 1


def test_a_part_of_a_batch_is_that_part(batch):
    assert rows(memsec.audit_arrow(batch.slice(1)))[0]["status"] == 2


def test_the_batch_that_came_in_stays(batch):
    memsec.audit_arrow(batch)
    assert batch.num_rows == 3 and batch["host"].to_pylist() == ["a", "b", "c"]


def test_batches_go_through_as_an_engine_wants_them(batch):
    audited = list(memsec.audit_batches([batch, batch]))
    assert [type(one) for one in audited] == 2 * [pyarrow.RecordBatch]


@pytest.mark.parametrize(
    "batch, said",
    [
        (pyarrow.record_batch({"a": [1]}), "no column"),
        (pyarrow.record_batch({"snapshot": [1]}), "text is wanted"),
        (pyarrow.array([1]), "not a record batch"),
    ],
)
def test_what_is_no_batch_of_snapshots_is_refused(batch, said):
    with pytest.raises(memsec.ArgumentError, match=said):
        memsec.audit_arrow(batch)
