"""What memsec says, as data: immutable, comparable, ready for JSON.

Each class has the members of the JSON object of the same name, and each
function makes such data from JSON text.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Optional, Tuple, TypeVar

T = TypeVar("T")
_Json = Dict[str, Any]


class _Ordered(str, enum.Enum):
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

    __str__ = str.__str__
    __format__ = str.__format__


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


class Render(str, enum.Enum):
    """A form to write a plan in."""

    TEXT = "text"
    DIFF = "diff"
    SHELL = "shell"
    NFT = "nft"
    IPTABLES_RESTORE = "iptables-restore"

    __str__ = str.__str__
    __format__ = str.__format__


class StepKind(str, enum.Enum):
    """What a step changes."""

    EDIT = "edit"
    GUARD = "guard"
    MANAGER = "manager"
    SERVICE = "service"
    PERSIST = "persist"
    CUT = "cut"

    __str__ = str.__str__
    __format__ = str.__format__


@dataclass(frozen=True)
class Place:
    """A place in a text."""

    source: Optional[str] = None
    line: Optional[int] = None
    text: Optional[str] = None

    def __str__(self) -> str:
        source = "?" if self.source is None else self.source
        return source if self.line is None else f"{source}:{self.line}"


@dataclass(frozen=True)
class Listener:
    """What a daemon listens on: an address and a port, or a unix path."""

    proto: str
    address: Optional[str] = None
    port: Optional[int] = None
    ephemeral: bool = False
    path: Optional[str] = None
    mode: Optional[str] = None


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
    version: Optional[str]
    argv: Tuple[str, ...]
    starts: bool
    error: Optional[Exit]
    listeners: Tuple[Listener, ...]


@dataclass(frozen=True)
class Exposure:
    """Who reaches a listener by one interface and one family of addresses."""

    instance: Optional[str]
    proto: str
    port: int
    family: str
    interface: Optional[str]
    destinations: Tuple[str, ...]
    scope: Scope
    exact: bool
    may: Tuple[str, ...]
    except_: Tuple[str, ...]
    must: Tuple[str, ...]
    because: Tuple[Place, ...]


@dataclass(frozen=True)
class Finding:
    """Something that is wrong."""

    id: str
    severity: Severity
    title: str
    message: str
    where: Place
    fix: str
    references: Tuple[str, ...]


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
    why: str
    fix: str
    references: Tuple[str, ...]


@dataclass(frozen=True)
class FileChange:
    """A file before and after; ``None`` where it is not there."""

    path: str
    before: Optional[str]
    after: Optional[str]


@dataclass(frozen=True)
class Step:
    """One change of a plan."""

    kind: StepKind
    summary: str
    settles: Tuple[str, ...]
    file: Optional[FileChange]
    command: Tuple[str, ...]
    undo: Optional[Tuple[str, ...]]
    check: Optional[Tuple[str, ...]]


@dataclass(frozen=True)
class Packet:
    """One packet. ``from_`` and ``in_`` are "from" and "in" in JSON."""

    from_: str
    to: Optional[str] = None
    proto: str = "tcp"
    port: int = 11211
    sport: int = 40000
    in_: Optional[str] = None
    state: str = "new"
    flags: str = "S"


@dataclass(frozen=True)
class Witness:
    """Why a claim does not hold."""

    message: str
    packet: Optional[Packet]
    because: Tuple[Place, ...]


@dataclass(frozen=True)
class Claim:
    """One claim of a proof."""

    claim: str
    holds: bool
    witness: Optional[Witness]


@dataclass(frozen=True)
class Proof:
    """That a plan does what the policy asks, and nothing else."""

    holds: bool
    claims: Tuple[Claim, ...]


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
    rule: Optional[Place]
    outcome: str


@dataclass(frozen=True)
class Explanation:
    """What becomes of a packet and why. ``str()`` is for a person."""

    verdict: str
    certain: bool
    answer: Optional[str]
    delivered_to: Optional[Delivery]
    path: Tuple[Met, ...]
    text: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return self.text


def _read(text: str) -> Any:
    # Not at the top: it is a third of the time of `import memsec`.
    import json

    return json.loads(text)


def _known(cls: Callable[..., T], object: _Json, **made: Any) -> T:
    """The data of an object; members that are not known are left out."""
    names = cls.__dataclass_fields__  # type: ignore[attr-defined]
    members = {name: object[name] for name in names if name in object}
    return cls(**{**members, **made})


def _optional(make: Callable[[_Json], T], object: Any) -> Optional[T]:
    return None if object is None else make(object)


def _tuple(make: Callable[[Any], T], objects: Any) -> Tuple[T, ...]:
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
    )


def _unknown(object: _Json) -> Unknown:
    return _known(Unknown, object, where=_place(object["where"]))


def _check(object: _Json) -> Check:
    severity = Severity(object["severity"])
    references = tuple(object["references"])
    return _known(Check, object, severity=severity, references=references)


def _file(object: _Json) -> FileChange:
    return _known(FileChange, object)


def _run(object: _Json) -> Tuple[str, ...]:
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


def _packet(object: _Json) -> Packet:
    from_, in_ = object["from"], object.get("in")
    return _known(Packet, object, from_=from_, in_=in_)


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


def _met(object: _Json) -> Met:
    return _known(Met, object, rule=_optional(_place, object.get("rule")))


def _delivery(object: _Json) -> Delivery:
    return _known(Delivery, object)


def severity(text: str) -> Severity:
    return Severity(_read(text))


def instances(text: str) -> Tuple[Instance, ...]:
    return _tuple(_instance, _read(text))


def exposures(text: str) -> Tuple[Exposure, ...]:
    return _tuple(_exposure, _read(text))


def findings(text: str) -> Tuple[Finding, ...]:
    return _tuple(_finding, _read(text))


def unknowns(text: str) -> Tuple[Unknown, ...]:
    return _tuple(_unknown, _read(text))


def checks(text: str) -> Tuple[Check, ...]:
    return _tuple(_check, _read(text)["checks"])


def steps(text: str) -> Tuple[Step, ...]:
    return _tuple(_step, _read(text))


def proof(text: str) -> Proof:
    object = _read(text)
    return _known(Proof, object, claims=_tuple(_claim, object["claims"]))


def files(text: str) -> Dict[str, FileChange]:
    """By path; of changes of one file, from the first to the last."""
    out: Dict[str, FileChange] = {}
    for change in map(_file, _read(text)):
        first = out.get(change.path, change)
        out[change.path] = FileChange(change.path, first.before, change.after)
    return out


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
