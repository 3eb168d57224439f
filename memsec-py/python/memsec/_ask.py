"""Questions that are asked with Python's values and answered with data."""

from __future__ import annotations

from ._memsec import Host, Policy, Snapshot, checks_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Mapping

    from . import _data


def explain(
    snapshot: Snapshot,
    packet: Mapping[str, Any] | None = None,
    **fields: Any,
) -> _data.Explanation:
    """What becomes of one packet on a host, with the rules that it meets.

    The packet is a mapping, or keyword arguments: ``from_``, ``to``,
    ``proto``, ``port``, ``sport``, ``in_``, ``state``, ``flags``. Only where
    it comes from is needed. Addresses may be ``ipaddress`` objects.
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
) -> _data.Difference:
    """Which packets get in on one of two hosts and not on the other.

    Asked are memcached's listeners and every port; or where the rules tell
    too many ports apart, ``ports`` such as "tcp/22", memcached's and ssh's.
    """
    from ._data import difference

    hosts = Host(before), Host(after)
    return difference(*hosts[0].diff_json(hosts[1], Policy(ports=ports)))


def checks() -> tuple[_data.Check, ...]:
    """Every check, by identifier."""
    from ._data import checks

    return checks(checks_json())
