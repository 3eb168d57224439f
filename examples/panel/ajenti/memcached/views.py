"""What the page shows. Ajenti runs this as the user who is logged in."""

from pathlib import Path

import memsec
from aj.api.endpoint import endpoint
from aj.api.http import HttpPlugin, get
from jadi import component

POLICY = Path("/etc/memsec/policy.json")


@component(HttpPlugin)
class Handler(HttpPlugin):
    def __init__(self, context):
        self.context = context

    @get(r"/api/memcached/report")
    @endpoint(page=True)
    def report(self, http_context):
        kind, text = answer()
        http_context.add_header("Content-Type", f"{kind}; charset=utf-8")
        http_context.respond_ok()
        return text


def answer():
    """The kind and the text of a document."""
    try:
        policy = memsec.Policy()
        if POLICY.exists():
            policy = memsec.Policy.from_json(POLICY.read_bytes(), str(POLICY))
        report = memsec.audit(memsec.Snapshot.collect(), policy)
        return "text/html", report.to_html(report.plan())
    except (memsec.MemsecError, OSError) as error:
        return "text/plain", f"memsec: {error}\n"
