"""Questions that are asked with Python's values and answered with data."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Tuple

from . import _data
from ._memsec import Snapshot, checks_json, explain_json


def explain(
    snapshot: Snapshot,
    packet: Optional[Mapping[str, Any]] = None,
    **fields: Any,
) -> _data.Explanation:
    """What becomes of one packet on a host, with the rules that it meets.

    The packet is a mapping, or keyword arguments: ``from_``, ``to``,
    ``proto``, ``port``, ``sport``, ``in_``, ``state``, ``flags``. Only where
    it comes from is needed. Addresses may be ``ipaddress`` objects.
    """
    import json

    members = {**(packet or {}), **fields}
    known = {
        name.rstrip("_"): value
        for name, value in members.items()
        if value is not None
    }
    text = json.dumps(known, default=str)
    return _data.explanation(*explain_json(snapshot, text, "packet"))


def checks() -> Tuple[_data.Check, ...]:
    """Every check, by identifier."""
    return _data.checks(checks_json())
