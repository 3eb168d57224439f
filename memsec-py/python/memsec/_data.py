"""What memsec says, as data: immutable, comparable, ready for JSON.

Each class has the members of the JSON object of the same name, and each
function makes such data from JSON text.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

# Importing typing takes as long as all else here, and only types need it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, TypeVar

    _T = TypeVar("_T")
    _Json = dict[str, Any]


class _Name(str, enum.Enum):
    """Text that is one of several names."""

    def __str__(self) -> str:
        return str.__str__(self)

    def __format__(self, format_spec: str) -> str:
        return str.__format__(self, format_spec)


class _Ordered(_Name):
    """Text that is ordered as its members are written."""

    @property
    def _rank(self) -> int:
        return list(type(self)).index(self)

    def __lt__(self, other: str) -> bool:
        return self._rank < type(self)(other)._rank

    def __le__(self, other: str) -> bool:
        return self._rank <= type(self)(other)._rank

    def __gt__(self, other: str) -> bool:
        return self._rank > type(self)(other)._rank

    def __ge__(self, other: str) -> bool:
        return self._rank >= type(self)(other)._rank


class Severity(_Ordered):
    """How bad a finding is. The greater is the worse."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Scope(_Ordered):
    """How far away a source can be. The greater is the wider."""

    HOST = "host"
    LINK = "link"
    PRIVATE = "private"
    INTERNET = "internet"


class Render(_Name):
    """A form to write a plan in."""

    TEXT = "text"
    DIFF = "diff"
    SHELL = "shell"
    NFT = "nft"
    IPTABLES_RESTORE = "iptables-restore"


class StepKind(_Name):
    """What a step changes."""

    EDIT = "edit"
    GUARD = "guard"
    MANAGER = "manager"
    SERVICE = "service"
    PERSIST = "persist"
    CUT = "cut"


class Reaches(_Ordered):
    """Whether packets get in."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


@dataclass(frozen=True)
class Place:
    """A place in a text."""

    source: str | None = None
    line: int | None = None
    text: str | None = None

    def __str__(self) -> str:
        source = "?" if self.source is None else self.source
        return source if self.line is None else f"{source}:{self.line}"


@dataclass(frozen=True)
class Listener:
    """What a daemon listens on: an address and a port, or a unix path."""

    proto: str
    address: str | None = None
    port: int | None = None
    ephemeral: bool = False
    path: str | None = None
    mode: str | None = None


@dataclass(frozen=True)
class Exit:
    """How a daemon exits that does not start."""

    status: int
    message: str


@dataclass(frozen=True)
class Instance:
    """A memcached daemon: one that runs, or one that a file would start."""

    id: str
    source: str
    version: str | None
    argv: tuple[str, ...]
    starts: bool
    error: Exit | None
    listeners: tuple[Listener, ...]


@dataclass(frozen=True)
class Exposure:
    """Who reaches a listener by one interface and one family of addresses."""

    instance: str | None
    proto: str
    port: int
    family: str
    interface: str | None
    destinations: tuple[str, ...]
    scope: Scope
    exact: bool
    may: tuple[str, ...]
    except_: tuple[str, ...]
    must: tuple[str, ...]
    because: tuple[Place, ...]


@dataclass(frozen=True)
class Acceptance:
    """Why a finding does not count: the policy accepts it."""

    id: str
    because: str
    until: str | None = None


@dataclass(frozen=True)
class Finding:
    """Something that is wrong."""

    id: str
    severity: Severity
    title: str
    message: str
    where: Place
    fix: str
    references: tuple[str, ...]
    accepted: Acceptance | None = None


@dataclass(frozen=True)
class Unknown:
    """Something that is not known, and what was assumed."""

    what: str
    where: Place


@dataclass(frozen=True)
class Check:
    """What a check is about."""

    id: str
    title: str
    severity: Severity
    varies: str
    why: str
    detection: str
    fix: str
    references: tuple[str, ...]


@dataclass(frozen=True)
class FileChange:
    """A file before and after; ``None`` where it is not there."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Step:
    """One change of a plan."""

    kind: StepKind
    summary: str
    settles: tuple[str, ...]
    file: FileChange | None
    command: tuple[str, ...]
    undo: tuple[str, ...] | None
    check: tuple[str, ...] | None


class Ended(_Name):
    """How a run ended."""

    UNCHANGED = "unchanged"
    CONFIRMED = "confirmed"
    WAITING = "waiting"
    ROLLED_BACK = "rolled-back"
    ROLLBACK_FAILED = "rollback-failed"
    UNFINISHED = "unfinished"


class StepStatus(_Name):
    """How far a step came."""

    PENDING = "pending"
    BEGUN = "begun"
    SKIPPED = "skipped"
    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"


@dataclass(frozen=True)
class Carried:
    """What became of a step."""

    kind: StepKind
    summary: str
    status: StepStatus
    exit: int | None
    output: str
    message: str | None


@dataclass(frozen=True)
class Outcome:
    """What became of a plan that was carried out."""

    name: str
    state: Ended
    message: str | None
    steps: tuple[Carried, ...]
    left: tuple[str, ...]


@dataclass(frozen=True)
class Packet:
    """One packet. ``from_`` and ``in_`` are "from" and "in" in JSON."""

    from_: str
    to: str | None = None
    proto: str = "tcp"
    port: int = 11211
    sport: int = 40000
    in_: str | None = None
    state: str = "new"
    flags: str = "S"
    icmp: tuple[int, int] | None = None
    fragment: str | None = None
    direction: str | None = None
    connection_mark: int | None = None
    extension: str | None = None
    frame: str | None = None


@dataclass(frozen=True)
class Witness:
    """Why a claim does not hold."""

    message: str
    packet: Packet | None
    because: tuple[Place, ...]


@dataclass(frozen=True)
class Claim:
    """One claim of a proof."""

    claim: str
    holds: bool
    witness: Witness | None


@dataclass(frozen=True)
class Proof:
    """That a plan does what the policy asks, and nothing else."""

    holds: bool
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Delivery:
    """The listener that a packet ends at."""

    instance: str
    proto: str
    address: str
    port: int


@dataclass(frozen=True)
class Met:
    """A rule, or a chain's policy, that a packet met."""

    hook: str
    chain: str
    rule: Place | None
    outcome: str


@dataclass(frozen=True)
class Explanation:
    """What becomes of a packet and why. ``str()`` is for a person."""

    verdict: str
    certain: bool
    answer: str | None
    delivered_to: Delivery | None
    path: tuple[Met, ...]
    text: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Change:
    """Packets that get in on one host as they do not on another."""

    instance: str | None
    proto: str
    ports: tuple[tuple[int, int], ...]
    family: str
    interfaces: tuple[str, ...]
    destinations: tuple[str, ...]
    before: Reaches
    after: Reaches
    from_: tuple[str, ...]
    except_: tuple[str, ...]
    witness: Packet | None


@dataclass(frozen=True)
class Difference:
    """Which packets get in on one of two hosts and not on the other.

    ``str()`` is for a person; it is true if there are any.
    """

    changes: tuple[Change, ...]
    unknown: tuple[Unknown, ...]
    text: str = field(default="", compare=False, repr=False)

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __str__(self) -> str:
        return self.text


def _read(text: str) -> Any:
    # Not at the top: it is a third of the time of `import memsec`.
    import json

    return json.loads(text)


def _known(cls: Callable[..., _T], object: _Json, **made: Any) -> _T:
    """The data of an object; members that are not known are left out."""
    names = cls.__dataclass_fields__  # type: ignore[attr-defined]
    members = {name: object[name] for name in names if name in object}
    return cls(**{**members, **made})


def _optional(make: Callable[[_Json], _T], object: Any) -> _T | None:
    return None if object is None else make(object)


def _tuple(make: Callable[[Any], _T], objects: Any) -> tuple[_T, ...]:
    return tuple(make(object) for object in objects)


def _place(object: _Json) -> Place:
    return _known(Place, object)


def _instance(object: _Json) -> Instance:
    return _known(
        Instance,
        object,
        argv=tuple(object["argv"]),
        error=_optional(lambda error: _known(Exit, error), object["error"]),
        listeners=_tuple(lambda it: _known(Listener, it), object["listeners"]),
    )


def _exposure(object: _Json) -> Exposure:
    return _known(
        Exposure,
        object,
        destinations=tuple(object["destinations"]),
        scope=Scope(object["scope"]),
        may=tuple(object["may"]),
        except_=tuple(object["except"]),
        must=tuple(object["must"]),
        because=_tuple(_place, object["because"]),
    )


def _finding(object: _Json) -> Finding:
    return _known(
        Finding,
        object,
        severity=Severity(object["severity"]),
        where=_place(object["where"]),
        references=tuple(object["references"]),
        accepted=_optional(
            lambda it: _known(Acceptance, it), object.get("accepted")
        ),
    )


def _unknown(object: _Json) -> Unknown:
    return _known(Unknown, object, where=_place(object["where"]))


def _check(object: _Json) -> Check:
    severity = Severity(object["severity"])
    references = tuple(object["references"])
    return _known(Check, object, severity=severity, references=references)


def _file(object: _Json) -> FileChange:
    return _known(FileChange, object)


def _run(object: _Json) -> tuple[str, ...]:
    return tuple(object["command"])


def _step(object: _Json) -> Step:
    return _known(
        Step,
        object,
        kind=StepKind(object["kind"]),
        settles=tuple(object["settles"]),
        file=_optional(_file, object.get("file")),
        command=tuple(object.get("command", ())),
        undo=_optional(_run, object.get("undo")),
        check=_optional(_run, object.get("check")),
    )


def _carried(object: _Json) -> Carried:
    kind, status = StepKind(object["kind"]), StepStatus(object["status"])
    return _known(Carried, object, kind=kind, status=status)


def _outcome(object: _Json) -> Outcome:
    return _known(
        Outcome,
        object,
        state=Ended(object["state"]),
        steps=_tuple(_carried, object["steps"]),
        left=tuple(object["left"]),
    )


def _packet(object: _Json) -> Packet:
    from_, in_ = object["from"], object.get("in")
    icmp = _optional(tuple, object.get("icmp"))
    return _known(Packet, object, from_=from_, in_=in_, icmp=icmp)


def _witness(object: _Json) -> Witness:
    return _known(
        Witness,
        object,
        packet=_optional(_packet, object.get("packet")),
        because=_tuple(_place, object.get("because", ())),
    )


def _claim(object: _Json) -> Claim:
    witness = _optional(_witness, object["witness"])
    return _known(Claim, object, witness=witness)


def _change(object: _Json) -> Change:
    return _known(
        Change,
        object,
        ports=_tuple(tuple, object["ports"]),
        interfaces=tuple(object["interfaces"]),
        destinations=tuple(object["destinations"]),
        before=Reaches(object["before"]),
        after=Reaches(object["after"]),
        from_=tuple(object["from"]),
        except_=tuple(object["except"]),
        witness=_optional(_packet, object["witness"]),
    )


def _met(object: _Json) -> Met:
    return _known(Met, object, rule=_optional(_place, object.get("rule")))


def _delivery(object: _Json) -> Delivery:
    return _known(Delivery, object)


def severity(text: str) -> Severity:
    return Severity(_read(text))


def instances(text: str) -> tuple[Instance, ...]:
    return _tuple(_instance, _read(text))


def exposures(text: str) -> tuple[Exposure, ...]:
    return _tuple(_exposure, _read(text))


def findings(text: str) -> tuple[Finding, ...]:
    return _tuple(_finding, _read(text))


def unknowns(text: str) -> tuple[Unknown, ...]:
    return _tuple(_unknown, _read(text))


def checks(text: str) -> tuple[Check, ...]:
    return _tuple(_check, _read(text)["checks"])


def steps(text: str) -> tuple[Step, ...]:
    return _tuple(_step, _read(text))


def proof(text: str) -> Proof:
    object = _read(text)
    return _known(Proof, object, claims=_tuple(_claim, object["claims"]))


def files(text: str) -> dict[str, FileChange]:
    """By path; of changes of one file, from the first to the last."""
    out: dict[str, FileChange] = {}
    for change in map(_file, _read(text)):
        first = out.get(change.path, change)
        out[change.path] = FileChange(change.path, first.before, change.after)
    return out


def outcome(text: str) -> Outcome:
    return _outcome(_read(text))


def outcomes(text: str) -> tuple[Outcome, ...]:
    return _tuple(_outcome, _read(text))


def explanation(json: str, text: str) -> Explanation:
    object = _read(json)
    return _known(
        Explanation,
        object,
        answer=object.get("answer"),
        delivered_to=_optional(_delivery, object.get("delivered_to")),
        path=_tuple(_met, object["path"]),
        text=text,
    )


def difference(json: str, text: str) -> Difference:
    object = _read(json)
    return _known(
        Difference,
        object,
        changes=_tuple(_change, object["changes"]),
        unknown=_tuple(_unknown, object["unknown"]),
        text=text,
    )
