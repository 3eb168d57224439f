"""Questions that are asked with Python's values and answered with data."""

from __future__ import annotations

from ._memsec import (
    Host,
    Policy,
    Snapshot,
    audit_arrow,
    audit_each,
    checks_json,
    ended,
    sources_json,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any, Iterable, Iterator, Mapping

    from ._data import Check, Difference, Explanation, Outcome
    from ._errors import MemsecError
    from ._memsec import Report

# So many snapshots are held at a time: enough for every core to have some.
_TOGETHER = 256


def audit_many(
    snapshots: Iterable[Snapshot | str | bytes], policy: Policy | None = None
) -> Iterator[Report | MemsecError]:
    """What ``audit`` says of each of many snapshots, on every core.

    They may be given as JSON text, which is then read on every core too. The
    answers come in the order of the snapshots. One that cannot be read gives
    the exception in its place, and the rest go on. No more than 256 are held
    at a time, so that there may be any number.
    """
    from itertools import islice

    rest = iter(snapshots)
    while some := list(islice(rest, _TOGETHER)):
        yield from audit_each(some, policy)


def explain(
    snapshot: Snapshot,
    packet: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Explanation:
    """What becomes of one packet on a host, with the rules that it meets.

    The packet is a mapping, or keyword arguments: ``from_``, ``to``,
    ``proto``, ``port``, ``sport``, ``in_``, ``state``, ``flags``, ``icmp``,
    ``fragment``, ``direction``, ``connection_mark``, ``extension``,
    ``frame``. Only where it comes from is needed. Addresses may be
    ``ipaddress`` objects. Raises ``ParseError`` for what is no
    packet, and ``UnsupportedError`` where the snapshot does not tell which
    interface it arrives at.
    """
    import json

    from ._data import explanation

    members = {**(packet or {}), **fields}
    known = {
        name.rstrip("_"): value
        for name, value in members.items()
        if value is not None
    }
    text = json.dumps(known, default=str)
    return explanation(*Host(snapshot).explain_json(text, "packet"))


def diff(
    before: Snapshot,
    after: Snapshot,
    *,
    ports: Iterable[str] = (),
) -> Difference:
    """Which packets get in on one of two hosts and not on the other.

    Asked are memcached's listeners and every port; or where the rules tell
    too many ports apart, ``ports`` such as "tcp/22", memcached's and ssh's.
    Raises ``ArgumentError`` for what is no port.
    """
    from ._data import difference

    hosts = Host(before), Host(after)
    return difference(*hosts[0].diff_json(hosts[1], Policy(ports=ports)))


def audit_batches(
    batches: Iterable[Any],
    *,
    column: str = "snapshot",
    policy: Policy | None = None,
) -> Iterator[Any]:
    """Audits the snapshots of Arrow record batches, one batch after another.

    ``column`` holds the snapshots as JSON text. In its place each batch gets
    ``status`` (int32: 0 no findings, 1 findings, 2 an error) and ``report``
    (large_string: the report, or the error, as JSON); the other columns stay.

    This is what engines want that map batches: Spark's ``mapInArrow`` takes
    it as it is. It needs ``pyarrow``, which such engines come with;
    :func:`audit_arrow` does the same to one batch of any library.
    """
    from importlib import import_module

    pyarrow = import_module("pyarrow")
    for batch in batches:
        yield pyarrow.record_batch(audit_arrow(batch, column, policy))


def checks() -> tuple[Check, ...]:
    """Every check, by identifier."""
    from ._data import checks

    return checks(checks_json())


def sources() -> dict[str, Any]:
    """What to read of a host that has no memsec, to make a snapshot of it.

    ``files`` are paths, with stars; ``commands`` are lists of words;
    ``containers`` are pairs of them, that list containers and show them;
    ``kept`` has what of a container is kept, by the member that it is below;
    ``masked`` has, by path, the settings whose values must be left out;
    ``variables`` are those of a daemon's environment. The Ansible module
    ``memsec.memcached.snapshot`` takes them as they are.
    """
    import json

    found: dict[str, Any] = json.loads(sources_json())
    return found


def wait(
    name: str, *, directory: str | os.PathLike[str] | None = None
) -> Outcome:
    """Waits until a run waits for nothing more, and gives its outcome."""
    import time

    while True:
        found = ended(name, directory=directory)
        if found is not None:
            return found
        time.sleep(0.2)
