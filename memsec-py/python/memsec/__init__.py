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
    wait,
)
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
    audit_arrow,
    confirm,
    outcome,
    pending,
    rollback,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._data import (
        Acceptance,
        Answer,
        Carried,
        Change,
        Check,
        Claim,
        ClaimKind,
        Delivery,
        Difference,
        Ended,
        Exit,
        Explanation,
        Exposure,
        Family,
        FileChange,
        Finding,
        Guard,
        Inside,
        Instance,
        Listener,
        Met,
        Outcome,
        Packet,
        Place,
        Proof,
        Proto,
        Reaches,
        Render,
        Scope,
        Severity,
        Step,
        StepKind,
        StepStatus,
        Unknown,
        Verdict,
        Verification,
        Witness,
    )

__all__ = [
    "Acceptance",
    "Answer",
    "ArgumentError",
    "BusyError",
    "Carried",
    "Change",
    "Check",
    "Claim",
    "ClaimKind",
    "Delivery",
    "Difference",
    "Ended",
    "Exit",
    "Explanation",
    "Exposure",
    "Family",
    "FileChange",
    "Finding",
    "Guard",
    "HostError",
    "Inside",
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
    "Proto",
    "Reaches",
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
    "Verdict",
    "Verification",
    "Witness",
    "__version__",
    "apply",
    "audit",
    "audit_arrow",
    "audit_batches",
    "audit_many",
    "checks",
    "confirm",
    "diff",
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
