"""Who can reach memcached on this host, and a proved plan to put it right.

>>> import memsec
>>> snapshot = memsec.Snapshot().add_file("/etc/memcached.conf", "-l ::1\\n")
>>> report = memsec.audit(snapshot)
>>> plan = report.plan()
"""

from ._ask import checks, explain, sources, wait
from ._errors import (
    ArgumentError,
    BusyError,
    HostError,
    InternalError,
    MemsecError,
    ParseError,
    StaleError,
    UnsupportedError,
)
from ._memsec import (
    Plan,
    Policy,
    Report,
    Snapshot,
    __version__,
    apply,
    audit,
    confirm,
    outcome,
    pending,
    rollback,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._data import (
        Carried,
        Check,
        Claim,
        Delivery,
        Ended,
        Exit,
        Explanation,
        Exposure,
        FileChange,
        Finding,
        Instance,
        Listener,
        Met,
        Outcome,
        Packet,
        Place,
        Proof,
        Render,
        Scope,
        Severity,
        Step,
        StepKind,
        StepStatus,
        Unknown,
        Witness,
    )

__all__ = [
    "ArgumentError",
    "BusyError",
    "Carried",
    "Check",
    "Claim",
    "Delivery",
    "Ended",
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
    "Outcome",
    "Packet",
    "ParseError",
    "Place",
    "Plan",
    "Policy",
    "Proof",
    "Render",
    "Report",
    "Scope",
    "Severity",
    "Snapshot",
    "StaleError",
    "Step",
    "StepKind",
    "StepStatus",
    "Unknown",
    "UnsupportedError",
    "Witness",
    "__version__",
    "apply",
    "audit",
    "checks",
    "confirm",
    "explain",
    "outcome",
    "pending",
    "rollback",
    "sources",
    "wait",
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
