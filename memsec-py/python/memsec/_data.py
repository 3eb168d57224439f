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
    from ipaddress import (
        IPv4Address,
        IPv4Network,
        IPv6Address,
        IPv6Network,
    )
    from typing import Any, Callable, Iterable, Mapping, TypeVar, Union

    _T = TypeVar("_T")
    _Json = dict[str, Any]
    _Address = Union[IPv4Address, IPv6Address]
    _Network = Union[IPv4Network, IPv6Network]


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


class Proto(_Name):
    """A protocol; a listener may be a unix socket too."""

    TCP = "tcp"
    UDP = "udp"
    UNIX = "unix"


class Family(_Name):
    """A family of addresses."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"


class Verdict(_Name):
    """Where a packet ends: at a listener; nowhere, and the sender hears
    nothing or is told; at another host; where nobody listens."""

    DELIVERED = "delivered"
    DROPPED = "dropped"
    REJECTED = "rejected"
    FORWARDED = "forwarded"
    NOBODY_LISTENS = "nobody-listens"


class Answer(_Name):
    """Whether the answer to a packet leaves the host."""

    SENT = "sent"
    DROPPED = "dropped"


class ClaimKind(_Name):
    """What a proof claims of a plan: that nobody but the allowed clients
    gets in, that each of them does, that no other packet fares otherwise,
    that at no step memcached is open to more than before, and that whoever
    administers the host still gets in after each."""

    ONLY_ALLOWED = "only-allowed"
    ALL_ALLOWED = "all-allowed"
    UNCHANGED = "unchanged"
    NEVER_WIDER = "never-wider"
    MANAGEMENT_KEPT = "management-kept"


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
    """What a daemon listens on: an address and a port, or a unix path.

    ``port`` is 0 where the kernel chooses it (``ephemeral``). ``mode`` is
    that of the path, in octal digits; an abstract path begins with "@".
    """

    proto: Proto
    address: str | None = None
    port: int | None = None
    ephemeral: bool = False
    path: str | None = None
    mode: str | None = None

    @property
    def ip(self) -> _Address | None:
        """``address`` as an object of ``ipaddress``."""
        return _optional(_ip, self.address)


@dataclass(frozen=True)
class Exit:
    """How a daemon exits that does not start: its exit status, and what it
    prints."""

    status: int
    message: str


@dataclass(frozen=True)
class Instance:
    """A memcached daemon: one that runs, or one that a file would start.

    ``argv`` leaves out the program. ``error`` is there if ``starts`` is
    false; a daemon may start and have no listener.
    """

    id: str
    source: str
    version: str | None
    argv: tuple[str, ...]
    starts: bool
    error: Exit | None
    listeners: tuple[Listener, ...]


@dataclass(frozen=True)
class Exposure:
    """Who reaches a listener by one interface and one family of addresses.

    ``may`` without ``except_`` are the sources whose packets could be
    delivered (safety), ``must`` those whose packets are sure to be, and over
    TCP answered (service); all as networks, the shortest list there is. They
    are the same where it is ``exact``. ``instance`` is ``None`` for a port
    that the policy names, ``interface`` where the snapshot lists none.
    """

    instance: str | None
    proto: Proto
    port: int
    family: Family
    interface: str | None
    destinations: tuple[str, ...]
    scope: Scope
    exact: bool
    may: tuple[str, ...]
    except_: tuple[str, ...]
    must: tuple[str, ...]
    because: tuple[Place, ...]

    @property
    def addresses(self) -> tuple[_Address, ...]:
        """``destinations`` as objects of ``ipaddress``."""
        return _tuple(_ip, self.destinations)

    @property
    def may_networks(self) -> tuple[_Network, ...]:
        """``may`` as objects of ``ipaddress``."""
        return _tuple(_network, self.may)

    @property
    def except_networks(self) -> tuple[_Network, ...]:
        """``except_`` as objects of ``ipaddress``."""
        return _tuple(_network, self.except_)

    @property
    def must_networks(self) -> tuple[_Network, ...]:
        """``must`` as objects of ``ipaddress``."""
        return _tuple(_network, self.must)

    def reached_from(self, address: str | _Address) -> Reaches:
        """Whether an address gets in: ``ValueError`` if it is none."""
        source = _ip(str(address))
        if any(source in network for network in self.must_networks):
            return Reaches.YES
        may = any(source in network for network in self.may_networks)
        never = any(source in network for network in self.except_networks)
        return Reaches.MAYBE if may and not never else Reaches.NO


@dataclass(frozen=True)
class Acceptance:
    """Why a finding does not count: the policy accepts it. ``until`` is the
    last day, as "2026-12-31" in UTC; without it there is none."""

    id: str
    because: str
    until: str | None = None


@dataclass(frozen=True)
class Finding:
    """Something that is wrong. ``id`` is that of its check, which stays the
    same over releases; one with ``accepted`` does not count."""

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
class Inside:
    """A network of containers: the bridge that is on it, its addresses, and
    the ports that memcached has there."""

    interface: str
    network: str
    ports: tuple[int, ...]


@dataclass(frozen=True)
class Guard:
    """What memsec's own table lets in: the clients, as networks, to the
    ports that it guards; over UDP too if ``udp``. ``inside`` are the networks
    of containers behind the host; ``redirected`` says that the host turns
    other ports into these, so that a second chain, at input, is there."""

    ports: tuple[int, ...]
    allow: tuple[str, ...]
    udp: bool
    inside: tuple[Inside, ...] = ()
    redirected: bool = False


@dataclass(frozen=True)
class Step:
    """One change of a plan: a file is written first, then ``command`` is
    run, each a tuple of words, as are ``undo`` and ``check``. ``settles``
    are identifiers of checks."""

    kind: StepKind
    summary: str
    settles: tuple[str, ...]
    file: FileChange | None
    command: tuple[str, ...]
    undo: tuple[str, ...] | None
    check: tuple[str, ...] | None
    guard: Guard | None = None


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
    """One packet. ``from_`` and ``in_`` are "from" and "in" in JSON.

    ``flags`` are those of TCP, letters of "FSRPAUEC"; ``in_`` is the
    interface that it arrives at, or "local".
    """

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

    @property
    def source(self) -> _Address:
        """``from_`` as an object of ``ipaddress``."""
        return _ip(self.from_)

    @property
    def destination(self) -> _Address | None:
        """``to`` as an object of ``ipaddress``."""
        return _optional(_ip, self.to)


@dataclass(frozen=True)
class Witness:
    """Why a claim does not hold."""

    message: str
    packet: Packet | None
    because: tuple[Place, ...]


@dataclass(frozen=True)
class Claim:
    """One claim of a proof; one that does not hold has a witness."""

    claim: ClaimKind
    holds: bool
    witness: Witness | None


@dataclass(frozen=True)
class Proof:
    """That a plan does what the policy asks, and nothing else. What a checker
    wants besides, the certificate, is in ``Plan.to_json``."""

    holds: bool
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Verification:
    """What the independent checker says of a plan."""

    holds: bool
    claims: tuple[Claim, ...]
    differs: str | None = None


@dataclass(frozen=True)
class Delivery:
    """The listener that a packet ends at."""

    instance: str
    proto: Proto
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
    """What becomes of a packet and why. ``str()`` is for a person.

    If it is not ``certain``, ``verdict`` is the one that lets the most
    through, and ``path`` has the rule that could not be decided. ``answer``
    is ``None`` where nobody answers.
    """

    verdict: Verdict
    certain: bool
    answer: Answer | None
    delivered_to: Delivery | None
    path: tuple[Met, ...]
    text: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Change:
    """Packets that get in on one host as they do not on another.

    ``ports`` are ranges, both ends in them; the sources are ``from_`` without
    ``except_``, and ``witness`` is one such packet.
    """

    instance: str | None
    proto: Proto
    ports: tuple[tuple[int, int], ...]
    family: Family
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


def _ip(text: str) -> _Address:
    import ipaddress

    return ipaddress.ip_address(text)


def _network(text: str) -> _Network:
    import ipaddress

    return ipaddress.ip_network(text)


def _optional(make: Callable[[Any], _T], object: Any) -> _T | None:
    return None if object is None else make(object)


def _tuple(make: Callable[[Any], _T], objects: Any) -> tuple[_T, ...]:
    return tuple(make(object) for object in objects)


def _place(object: _Json) -> Place:
    return _known(Place, object)


def _listener(object: _Json) -> Listener:
    return _known(Listener, object, proto=Proto(object["proto"]))


def _instance(object: _Json) -> Instance:
    return _known(
        Instance,
        object,
        argv=tuple(object["argv"]),
        error=_optional(lambda error: _known(Exit, error), object["error"]),
        listeners=_tuple(_listener, object["listeners"]),
    )


def _exposure(object: _Json) -> Exposure:
    return _known(
        Exposure,
        object,
        proto=Proto(object["proto"]),
        family=Family(object["family"]),
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


def _inside(object: _Json) -> Inside:
    return _known(Inside, object, ports=tuple(object["ports"]))


def _guard(object: _Json) -> Guard:
    ports, allow = tuple(object["ports"]), tuple(object["allow"])
    inside = _tuple(_inside, object.get("inside", ()))
    return _known(Guard, object, ports=ports, allow=allow, inside=inside)


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
        guard=_optional(_guard, object.get("guard")),
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
    claim = ClaimKind(object["claim"])
    witness = _optional(_witness, object["witness"])
    return _known(Claim, object, claim=claim, witness=witness)


def _change(object: _Json) -> Change:
    return _known(
        Change,
        object,
        proto=Proto(object["proto"]),
        family=Family(object["family"]),
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
    return _known(Delivery, object, proto=Proto(object["proto"]))


def networks(text: str) -> tuple[_Network, ...]:
    return _tuple(_network, _read(text))


def addresses(text: str) -> tuple[_Address, ...]:
    return _tuple(_ip, _read(text))


def ports(text: str) -> tuple[str, ...]:
    return tuple(f"{port['proto']}/{port['port']}" for port in _read(text))


def acceptances(text: str) -> tuple[Acceptance, ...]:
    return _tuple(lambda it: _known(Acceptance, it), _read(text))


def acceptances_json(items: Iterable[Acceptance | Mapping[str, Any]]) -> str:
    """Each as an object, whatever it was given as."""
    import json
    from dataclasses import asdict

    objects = (
        asdict(item) if isinstance(item, Acceptance) else dict(item)
        for item in items
    )
    return json.dumps(list(objects), default=str)


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


def verification(text: str) -> Verification:
    object = _read(text)
    claims = _tuple(_claim, object["claims"])
    return _known(Verification, object, claims=claims)


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
        verdict=Verdict(object["verdict"]),
        answer=_optional(Answer, object.get("answer")),
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
