"""Who can reach memcached on this host, and a proved plan to put it right.

>>> import memsec
>>> snapshot = memsec.Snapshot().add_file("/etc/memcached.conf", "-l ::1\\n")
>>> report = memsec.audit(snapshot)
>>> plan = report.plan()
"""

from ._ask import (
    audit_batches,
    audit_many,
    checks,
    diff,
    explain,
    sources,
)
from ._errors import (
    ArgumentError,
    HostError,
    InternalError,
    MemsecError,
    ParseError,
    UnsupportedError,
)
from ._memsec import (
    Plan,
    Policy,
    Report,
    Snapshot,
    __version__,
    audit,
    audit_arrow,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._data import (
        Change,
        Check,
        Claim,
        Delivery,
        Difference,
        Exit,
        Explanation,
        Exposure,
        FileChange,
        Finding,
        Instance,
        Listener,
        Met,
        Packet,
        Place,
        Proof,
        Reaches,
        Render,
        Scope,
        Severity,
        Step,
        StepKind,
        Unknown,
        Witness,
    )

__all__ = [
    "ArgumentError",
    "Change",
    "Check",
    "Claim",
    "Delivery",
    "Difference",
    "Exit",
    "Explanation",
    "Exposure",
    "FileChange",
    "Finding",
    "HostError",
    "Instance",
    "InternalError",
    "Listener",
    "MemsecError",
    "Met",
    "Packet",
    "ParseError",
    "Place",
    "Plan",
    "Policy",
    "Proof",
    "Reaches",
    "Render",
    "Report",
    "Scope",
    "Severity",
    "Snapshot",
    "Step",
    "StepKind",
    "Unknown",
    "UnsupportedError",
    "Witness",
    "__version__",
    "audit",
    "audit_arrow",
    "audit_batches",
    "audit_many",
    "checks",
    "diff",
    "explain",
    "sources",
]


if not TYPE_CHECKING:

    def __getattr__(name):
        # The classes of the data take twice as long to make as all else, so
        # they are made when one of them is first asked for.
        if name not in __all__:
            raise AttributeError(f"module 'memsec' has no attribute {name!r}")
        from . import _data

        return getattr(_data, name)

    def __dir__():
        return sorted(__all__)
