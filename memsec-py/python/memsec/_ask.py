"""Questions that are asked with Python's values and answered with data."""

from __future__ import annotations

from ._memsec import Host, Snapshot, checks_json, ended, sources_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any, Mapping

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


def checks() -> tuple[_data.Check, ...]:
    """Every check, by identifier."""
    from ._data import checks

    return checks(checks_json())


def sources() -> dict[str, Any]:
    """What to read of a host that has no memsec, to make a snapshot of it.

    ``files`` are paths, with stars; ``commands`` are lists of words;
    ``masked`` has, by path, the settings whose values must be left out;
    ``variables`` are those of a daemon's environment. The Ansible module
    ``memsec.memcached.snapshot`` takes them as they are.
    """
    import json

    found: dict[str, Any] = json.loads(sources_json())
    return found


def wait(
    name: str, *, directory: str | os.PathLike[str] | None = None
) -> _data.Outcome:
    """Waits until a run waits for nothing more, and gives its outcome."""
    import time

    while True:
        found = ended(name, directory=directory)
        if found is not None:
            return found
        time.sleep(0.2)
