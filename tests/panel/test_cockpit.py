"""Cockpit's page of memsec, in a real browser, on a host that is real but
for its systemctl. What it says is held against packets."""

import json
import time

import pytest
from cockpit import BARE, PAGE, SHELL, visit
from host import ALLOWED, OTHER
from pictures import seen

OPEN = "Anyone on the internet can read and change this cache"
WAIT = 20000  # milliseconds


def ready(page):
    """The page, when it has read its host."""
    page.locator("body:not([aria-busy])").wait_for(timeout=WAIT)
    return page


def violations(page):
    """What axe finds, rule by rule."""
    axe = (PAGE / "node_modules/axe-core/axe.min.js").read_text()
    page.evaluate(axe + "; undefined")
    found = page.evaluate("axe.run()")["violations"]
    return [(one["id"], [n["html"] for n in one["nodes"]]) for one in found]


def allow(page, *clients):
    """Types the clients, and saves."""
    for number, client in enumerate(clients):
        if number > 0:
            page.get_by_role("button", name="Add client").click()
        page.get_by_label("Client", exact=True).nth(number).fill(client)
    page.get_by_role("button", name="Save and plan").click()


def saved(host):
    return json.loads(host.run("cat", "/etc/memsec/policy.json"))


def plan_for(page, client):
    """Allows a client, and waits for the plan."""
    allow(page, client)
    page.locator("#reach figcaption", has_text=client).first.wait_for()
    return ready(page)


def carry_out(page, seconds):
    """Applies the plan, until the confirmation is awaited."""
    page.get_by_label("Undo it unless it is confirmed within").fill(
        str(seconds)
    )
    page.get_by_role("button", name="Apply").click()
    page.locator("#run #clock").wait_for(timeout=WAIT)


def becomes(what, wanted, seconds=20):
    """Waits until something is what it should be."""
    until = time.monotonic() + seconds
    while (now := what()) != wanted:
        assert time.monotonic() < until, (now, wanted)
        time.sleep(0.2)


def states(panel):
    return [run["state"] for run in panel.runs()]


LOOKS = [
    ("light", "light", 1000),
    ("dark", "dark", 1000),
    ("narrow", "light", 360),
]


@pytest.mark.parametrize("name, theme, width", LOOKS)
def test_it_looks_as_it_should(tab, name, theme, width):
    page = ready(tab(theme=theme, width=width))
    assert page.get_by_role("heading", level=1).inner_text().startswith(OPEN)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    assert violations(page) == []
    for part in "answer", "reach", "findings", "policy", "plan":
        seen(f"{name}-{part}", page.locator(f"#{part}"))


def test_it_is_a_page_of_cockpit(tab):
    page = tab(SHELL)
    frame = page.frame_locator("iframe[name$='/memsec']")
    frame.get_by_role("heading", level=1, name=OPEN).wait_for(timeout=WAIT)
    link = page.get_by_role("link", name="Memcached")
    assert link.get_attribute("aria-current") == "page"


def test_what_is_typed_is_checked(tab, host):
    page = ready(tab())
    client = page.get_by_label("Client", exact=True)
    client.fill("10.20.0.1/24")
    why = page.locator("#policy .pf-m-error").first
    why.filter(has_text="10.20.0.0/24").wait_for()
    assert client.get_attribute("aria-invalid") == "true"
    assert violations(page) == []
    seen("bad-input", page.locator("#policy"))
    page.get_by_role("button", name="Save and plan").click()
    page.locator("input:focus[aria-invalid=true]").wait_for()
    host.run("test", "!", "-e", "/etc/memsec/policy.json")
    page.reload()
    typed = ready(page).get_by_label("Client", exact=True)
    assert typed.input_value() == "10.20.0.1/24"
    plan_for(page, "10.20.0.0/24")
    assert saved(host) == {"schema": 1, "allow": ["10.20.0.0/24"], "bind": []}
    page.get_by_role("button", name="Remove client 10.20.0.0/24").click()
    page.get_by_role("button", name="Save and plan").click()
    becomes(lambda: saved(host)["allow"], [])


def test_what_cannot_be_saved_is_not_lost(tab, host):
    host.write("/etc/memsec/policy.json", '{"udp": true, "allow": ["::1"]}')
    host.run("mount", "--bind", "-o", "ro", "/etc/memsec", "/etc/memsec")
    host.run("mount", "-o", "remount,bind,ro", "/etc/memsec")
    page = ready(tab())
    allow(page, ALLOWED)
    page.locator("#policy [role=alert] .pf-m-danger").wait_for()
    assert page.get_by_label("Client", exact=True).input_value() == ALLOWED
    host.run("umount", "/etc/memsec")
    page.get_by_role("button", name="Save and plan").click()
    wanted = {"schema": 1, "udp": True, "allow": [ALLOWED], "bind": []}
    becomes(lambda: saved(host), wanted)


def test_it_is_applied_confirmed_and_undone(tab, panel, host):
    page = plan_for(ready(tab()), ALLOWED)
    seen("planned", page.locator("#plan"))
    assert host.answers(OTHER)
    carry_out(page, 45)
    assert host.answers(ALLOWED) and not host.answers(OTHER)
    assert violations(page) == []
    seen("waiting", page.locator("#run"), [page.locator("#clock")])
    panel.shut("ct state new")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_text("No new connection gets in.").wait_for(timeout=WAIT)
    assert states(panel) == ["waiting"]
    panel.open()
    page.get_by_role("button", name="Confirm").click()
    page.get_by_text("It is confirmed, and stays").wait_for(timeout=WAIT)
    page.locator("#history .pf-m-green").wait_for(timeout=WAIT)
    ready(page)
    assert states(panel) == ["confirmed"]
    assert host.answers(ALLOWED) and not host.answers(OTHER)
    answer = page.get_by_role("heading", level=1).inner_text()
    assert answer.startswith(f"{ALLOWED} can reach"), answer
    seen("confirmed", page.locator("#history"), [page.locator("time")])
    seen("confirmed-answer", page.locator("#answer"))
    seen("confirmed-reach", page.locator("#reach"))
    page.get_by_role("button", name="Roll back").click()
    page.locator("#history .pf-m-blue").wait_for(timeout=WAIT)
    assert host.answers(OTHER)


WATCH = """() => {
  const run = document.getElementById("run");
  window.progress = [];
  const look = () => window.progress.push(run.innerText);
  new MutationObserver(look).observe(run, { childList: true, subtree: true });
}"""


def test_the_steps_are_seen_as_they_are_carried_out(tab, host):
    page = plan_for(ready(tab()), ALLOWED)
    slow = "#!/bin/sh\nsleep 1\nexec /run/nft \"$@\"\n"
    host.run("cp", "/usr/sbin/nft", "/run/nft")
    host.write("/run/slow", slow)
    host.run("chmod", "755", "/run/slow")
    host.run("mount", "--bind", "/run/slow", "/usr/sbin/nft")
    page.evaluate(WATCH)
    carry_out(page, 45)
    seen = page.evaluate("window.progress")
    first = seen.index(next(text for text in seen if "guard port" in text))
    assert "Carrying out the plan" in seen[first], seen[first]
    assert "service, so that it reads its file: pending" in seen[first]
    assert "reads its file: done" in seen[-1] and "Confirm" in seen[-1]


def test_a_lost_connection_rolls_back(tab, panel, host):
    page = plan_for(ready(tab()), ALLOWED)
    # Long enough to lose the connection before, on a busy machine too.
    carry_out(page, 15)
    assert not host.answers(OTHER)
    panel.stop()
    page.get_by_text("The connection is lost").wait_for(timeout=WAIT)
    becomes(lambda: states(panel), ["rolled-back"])
    becomes(lambda: host.answers(OTHER), True)
    panel.start()
    visit(page, BARE)
    page.locator("#history .pf-m-blue").wait_for(timeout=WAIT)
    ready(page)
    assert page.get_by_role("heading", level=1).inner_text().startswith(OPEN)
    assert page.locator("#clock").count() == 0
    seen("rolled-back", page.locator("#history"), [page.locator("time")])


def test_a_closed_page_can_be_opened_again_to_confirm(tab, panel, host):
    first = plan_for(ready(tab()), ALLOWED)
    carry_out(first, 45)
    first.close()
    second = ready(tab())
    second.get_by_role("button", name="Confirm").click()
    second.locator("#history .pf-m-green").wait_for(timeout=WAIT)
    assert states(panel) == ["confirmed"] and not host.answers(OTHER)


def test_a_plan_that_fails_has_its_packet(tab, host):
    drops = """table inet other {
        chain late {
            type filter hook prerouting priority 50
            ip saddr 192.0.2.0/24 tcp dport 11211 drop
        }
    }"""
    host.run("nft", "-f", "-", stdin=drops)
    page = ready(tab())
    allow(page, ALLOWED)
    page.get_by_text("Packet: from 192.0.2.20").wait_for(timeout=WAIT)
    said = page.locator("#plan").inner_text()
    assert "no plan that can be proved" in said
    walk = page.locator("#plan pre").last.inner_text()
    assert "late" in walk and "drop" in walk.lower(), walk
    assert page.get_by_role("button", name="Apply").count() == 0
    assert violations(page) == []
    seen("refused", page.locator("#plan"))


def test_a_stale_plan_is_refused(tab, panel, host):
    page = plan_for(ready(tab()), ALLOWED)
    host.run("sh", "-c", "echo '# changed' >>/etc/memcached.conf")
    page.get_by_role("button", name="Apply").click()
    page.get_by_text("the host changed since the plan was made").wait_for()
    assert states(panel) == []


def test_keys_are_enough(tab, host):
    page = ready(tab())
    page.get_by_label("Client", exact=True).focus()
    page.keyboard.type(ALLOWED)
    page.keyboard.press("Enter")
    page.locator("#reach figcaption", has_text=ALLOWED).first.wait_for()
    ready(page).get_by_label("Client", exact=True).focus()
    reached = []
    for _ in range(8):
        page.keyboard.press("Tab")
        name = page.evaluate(
            "(document.activeElement.ariaLabel ||"
            " document.activeElement.textContent || '').trim()"
        )
        reached.append(name)
    order = [f"Remove client {ALLOWED}", "Add client", "Address"]
    order += ["Remove address", "Add address", "Save and plan", "", "Apply"]
    assert reached == order


def test_errors_are_said_as_they_are(tab, host):
    host.write("/etc/memsec/policy.json", '{"allow": ["x"]}')
    page = ready(tab())
    said = page.locator("#said").inner_text()
    assert "memsec: /etc/memsec/policy.json:1:" in said, said
    host.run("rm", "/run/bin/memsec")
    page.reload()
    said = ready(page).locator("#said").inner_text()
    assert "not-found" in said or "No such file" in said, said
