"""Who can reach memcached on this host, what is wrong, and what to do.

    python audit.py [SNAPSHOT.json]

Exit status: 0 no finding, 1 findings, 2 an error.
"""

import ipaddress
import sys
from typing import List

import memsec

# The clients that should have access.
CLIENTS = [ipaddress.ip_network("10.20.0.0/24")]


def read(arguments: List[str]) -> memsec.Snapshot:
    if not arguments:
        return memsec.Snapshot.collect()
    with open(arguments[0], "rb") as file:
        return memsec.Snapshot.from_json(file.read(), arguments[0])


def show(report: memsec.Report) -> None:
    for exposure in report.exposures:
        if exposure.scope > memsec.Scope.HOST:
            sources = ", ".join(exposure.may) or "nobody"
            print(f"{exposure.proto} {exposure.port}: {sources}")
    for finding in report.findings:
        print(f"{finding.id} ({finding.severity}): {finding.message}")
    for path in report.plan().files():
        print(f"the plan changes {path}")


def main(arguments: List[str]) -> int:
    try:
        policy = memsec.Policy(allow=CLIENTS)
        report = memsec.audit(read(arguments), policy)
    except (memsec.MemsecError, OSError) as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    show(report)
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
