"""The networks that an audit names, against a solver.

Random rules become one formula here, without memsec: the first rule that
matches decides, a jump comes back, a goto does not. What a limit decides is
both: the formula is one for what may be accepted, and one for what must be.
z3 is asked for a packet that a formula and memsec's networks judge
differently; there must be none.
The seed is printed; MEMSEC_ALGEBRA_SEED repeats it.
"""

import ipaddress
import json
import os
import random

import memsec
import pytest
import z3


RULE_SETS = 200
INTERFACES = {"eth0": "192.0.2.1", "eth1": "10.0.0.1"}
PROTOS = ["tcp", "udp"]
PORTS = [11211, 22, 53]
STATES = ["NEW", "ESTABLISHED", "RELATED"]
CHAINS = ["INPUT", "U1", "U2", "U3"]
NETWORKS = (
    "198.51.100.7/32 198.51.100.0/24 198.51.100.128/25 203.0.113.0/24 "
    "10.0.0.0/8 10.0.0.9/32 192.0.2.0/24 100.64.0.0/10 128.0.0.0/1 "
    "96.0.0.0/3 203.0.113.9/32 198.51.0.0/16"
).split()
RANGES = [
    ("198.51.100.7", "198.51.100.130"),
    ("10.0.0.9", "203.0.113.0"),
    ("203.0.113.9", "203.0.113.9"),
]
UNDECIDED = [
    " -m limit --limit 1/sec",
    " -m statistic --mode random --probability 0.5",
    " -m recent --rcheck",
]
# What routing does with these is not the rules' matter.
SPECIAL = ["0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "192.0.2.1", "10.0.0.1"]

source = z3.BitVec("source", 32)
port = z3.BitVec("port", 16)


def choice(name, words):
    """A value that is one of some words: for each, that it is this one."""
    sort, constants = z3.EnumSort(name.title(), list(words))
    value = z3.Const(name, sort)
    return {word: value == one for word, one in zip(words, constants)}


proto_is = choice("proto", PROTOS)
interface_is = choice("interface", INTERFACES)


def number(address):
    return z3.BitVecVal(int(ipaddress.ip_address(address)), 32)


def between(value, low, high):
    return z3.And(z3.UGE(value, low), z3.ULE(value, high))


def within(network):
    network = ipaddress.ip_network(network)
    return between(source, number(network[0]), number(network[-1]))


def ports(low, high):
    return between(port, z3.BitVecVal(low, 16), z3.BitVecVal(high, 16))


def both(value):
    return z3.BoolVal(value), z3.BoolVal(value)


class Rules:
    """Random rules: their text, and for each chain its conditions and ends."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.chains = {}
        self.policy = self.random.choice(["ACCEPT", "DROP"])
        lines = []
        for at, chain in enumerate(CHAINS):
            rules = [self.rule(at) for _ in range(self.random.randint(1, 6))]
            self.chains[chain] = [rule for _, rule in rules]
            lines += [f"-A {chain}{text}" for text, _ in rules]
        head = ["*filter", f":INPUT {self.policy} [0:0]"]
        head += [f":{chain} - [0:0]" for chain in CHAINS[1:]]
        self.text = "\n".join([*head, *lines, "COMMIT", ""])

    def rule(self, at):
        made = [f() for f in (self.proto, self.source, self.place, self.state)]
        text = "".join(text for text, _ in made)
        condition = z3.And(*(formula for _, formula in made))
        sure = self.random.random() < 0.9
        if not sure:
            text += self.random.choice(UNDECIDED)
        ends = ["ACCEPT", "DROP", "RETURN", "ACCEPT", "DROP", None]
        jumps = [("-j", c) for c in CHAINS[at + 1 :]]
        jumps += [("-g", c) for c in CHAINS[at + 1 :]]
        how, end = self.random.choice([("-j", e) for e in ends] + jumps)
        text += f" {how} {end}" if end else ""
        return text, (condition, sure, how, end)

    def negated(self, text, formula):
        if self.random.random() < 0.2:
            return " !" + text, z3.Not(formula)
        return text, formula

    def proto(self):
        name = self.random.choice([None, *PROTOS, *PROTOS])
        if name is None:
            return "", z3.BoolVal(True)
        kind = self.random.randrange(4)
        if kind == 0:
            return self.negated(f" -p {name}", proto_is[name])
        if kind == 1:
            some = self.random.sample(PORTS, 2)
            text = f" -m multiport --dports {some[0]},{some[1]}:60000"
            formula = z3.Or(ports(some[0], some[0]), ports(some[1], 60000))
        else:
            low = self.random.choice([0, 22, 53, 11211])
            high = self.random.choice([low, low, 11211, 65534])
            high = max(low, high)
            both = f"{low}:{high}" if high != low else str(low)
            text, formula = self.negated(f" --dport {both}", ports(low, high))
            text = f" -m {name}{text}"
        return f" -p {name}{text}", z3.And(proto_is[name], formula)

    def source(self):
        kind = self.random.randrange(5)
        if kind == 0:
            return "", z3.BoolVal(True)
        if kind == 1:
            low, high = self.random.choice(RANGES)
            formula = between(source, number(low), number(high))
            text, formula = self.negated(f" --src-range {low}-{high}", formula)
            return f" -m iprange{text}", formula
        network = self.random.choice(NETWORKS)
        return self.negated(f" -s {network}", within(network))

    def place(self):
        if self.random.random() < 0.6:
            return "", z3.BoolVal(True)
        name = self.random.choice(list(INTERFACES))
        return self.negated(f" -i {name}", interface_is[name])

    def state(self):
        """A first packet is new, and nothing else."""
        if self.random.random() < 0.7:
            return "", z3.BoolVal(True)
        some = self.random.sample(STATES, self.random.randint(1, 2))
        formula = z3.BoolVal("NEW" in some)
        text, formula = self.negated(f" --ctstate {','.join(some)}", formula)
        return f" -m conntrack{text}", formula

    def accepted(self):
        """Whether the packet may be accepted, and whether it must be."""
        return self.walk("INPUT", both(self.policy == "ACCEPT"))

    def walk(self, chain, after):
        """The bounds for the packet that comes to the chain's start, if
        `after` has those of one that comes to its end."""
        answer = after
        for condition, sure, how, end in reversed(self.chains[chain]):
            taken = {
                "ACCEPT": lambda: both(True),
                "DROP": lambda: both(False),
                "RETURN": lambda: after,
                None: lambda here=answer: here,
            }.get(end)
            if taken is None:
                back = after if how == "-g" else answer
                taken = lambda end=end, back=back: self.walk(end, back)
            then = taken()
            if not sure:
                then = (z3.Or(then[0], answer[0]), z3.And(then[1], answer[1]))
            answer = tuple(
                z3.If(condition, hit, missed)
                for hit, missed in zip(then, answer)
            )
        return answer


def snapshot(text):
    addresses = [
        {
            "ifname": name,
            "flags": ["UP"],
            "addr_info": [
                {"family": "inet", "local": address, "prefixlen": 24}
            ],
        }
        for name, address in INTERFACES.items()
    ]
    return (
        memsec.Snapshot()
        .add_command("iptables-save", text)
        .add_command("ip6tables-save", "")
        .add_command("ip -j address", json.dumps(addresses))
    )


def answers(text):
    """What memsec says: each exposure's place, and its may and its must."""
    asked = [f"{p}/{n}" for p in PROTOS for n in PORTS]
    report = memsec.audit(snapshot(text), memsec.Policy(ports=asked))
    for exposure in json.loads(report.to_json())["exposures"]:
        if exposure["interface"] not in INTERFACES:
            continue
        place = z3.And(
            interface_is[exposure["interface"]],
            proto_is[exposure["proto"]],
            port == exposure["port"],
        )
        may = z3.And(
            z3.Or(*map(within, exposure["may"])),
            z3.Not(z3.Or(*map(within, exposure["except"]))),
        )
        yield place, may, z3.Or(*map(within, exposure["must"]))


def base():
    seed = os.environ.get("MEMSEC_ALGEBRA_SEED")
    return int(seed) if seed else random.randrange(1 << 32)


BASE = base()


@pytest.mark.parametrize("index", range(RULE_SETS))
def test_no_packet_differs(index):
    print(f"MEMSEC_ALGEBRA_SEED={BASE}, rule set {index}")
    rules = Rules(BASE + index)
    print(rules.text)
    may_be, must_be = rules.accepted()
    found = list(answers(rules.text))
    assert len(found) == len(INTERFACES) * len(PROTOS) * len(PORTS)
    solver = z3.Solver()
    solver.add(z3.Not(z3.Or(*map(within, SPECIAL))))
    wrong = [
        z3.And(place, z3.Or(may != may_be, must != must_be))
        for place, may, must in found
    ]
    solver.add(z3.Or(*wrong))
    assert solver.check() == z3.unsat, solver.model()
