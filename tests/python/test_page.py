"""The page, as a browser shows it: light, dark, narrow, printed.

What the model says must be seen, and where, is held against the dots; and
what was looked at once and found right is kept as pictures, to compare with
a tolerance (MEMSEC_PICTURES=write keeps new ones).
"""

import html
import json
import os
import shutil
import subprocess
from pathlib import Path

import memsec
import pytest

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium")
LIGHT, DARK = "1", "0"
ALLOW = ["10.0.0.0/8", "198.51.100.0/24"]

# Measures a page in a frame of a given width, which no window can be.
FRAME = """<!doctype html><meta charset="utf-8"><body style="margin:0">
<iframe style="border:0;display:block" width="{width}" height="{height}"
 srcdoc="{page}"></iframe><pre id="out"></pre><script>
onload = () => {{
  const page = document.querySelector("iframe").contentDocument;
  const style = page.defaultView.getComputedStyle(page.documentElement);
  const box = (one) => {{
    const b = one.getBoundingClientRect();
    return [b.left, b.top, b.width, b.height];
  }};
  const color = (name) => style.getPropertyValue("--" + name).trim();
  const names = ["paper", "nobody", "strangers", "clients", "some-clients"];
  out.textContent = JSON.stringify({{
    width: page.documentElement.scrollWidth,
    maps: [...page.querySelectorAll("svg.map")].map(box),
    headings: [...page.querySelectorAll("h1,h2,h3")].map((h) => h.tagName),
    captions: page.querySelectorAll("table > caption").length,
    tables: page.querySelectorAll("table").length,
    colors: Object.fromEntries(names.map((n) => [n, color(n)])),
  }});
}};
</script>"""


def chromium(tmp_path, theme, size, *options):
    """Runs it; nothing goes over the network."""
    command = [
        CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu",
        "--hide-scrollbars", "--no-first-run", "--disable-extensions",
        "--disable-background-networking", "--force-device-scale-factor=1",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--blink-settings=preferredColorScheme=" + theme,
        "--user-data-dir=" + str(tmp_path / "profile"),
        "--window-size={},{}".format(*size), *options,
        (tmp_path / "frame.html").as_uri(),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def page():
    from conftest import ADDRESSES

    rules = "*filter\n-A INPUT -s 203.0.0.0/8 -j DROP\nCOMMIT\n"
    snapshot = (
        memsec.Snapshot()
        .add_file("/etc/memcached.conf", "-l 0.0.0.0\n-u memcache\n-U 0\n")
        .add_command("memcached -V", "memcached 1.6.18\n")
        .add_command("iptables-save", rules)
        .add_command("ip6tables-save", "")
        .add_command("ip -j address", ADDRESSES)
    )
    report = memsec.audit(snapshot, memsec.Policy(allow=ALLOW))
    plan = report.plan()
    assert plan.holds
    return report.to_html(plan)


@pytest.fixture
def seen(page, tmp_path):
    if CHROMIUM is None:
        assert os.environ.get("CI") != "true", "there is no chromium"
        pytest.skip("there is no chromium")
    image = pytest.importorskip("PIL.Image")

    def seen(theme, width, height=6000):
        frame = FRAME.format(
            page=html.escape(page), width=width, height=height
        )
        (tmp_path / "frame.html").write_text(frame)
        size = (max(width, 800), height)
        dumped = chromium(tmp_path, theme, size, "--dump-dom").stdout.decode()
        text = dumped.split('<pre id="out">')[1].split("</pre>")[0]
        shot = tmp_path / "shot.png"
        chromium(tmp_path, theme, size, f"--screenshot={shot}")
        return json.loads(html.unescape(text)), image.open(shot).convert("RGB")

    return seen


def on_curve(address, side=256):
    """Where an address is on the Hilbert curve, as parts of the side.

    The textbook's algorithm, from the greatest square to the least.
    """
    a, b, c, d = map(int, address.split("."))
    cell, x, y, step = (a << 8) | b, 0, 0, 1
    while step < side:
        right = 1 & (cell // 2)
        down = 1 & (cell ^ right)
        if down == 0:
            if right == 1:
                x, y = step - 1 - x, step - 1 - y
            x, y = y, x
        x, y = x + step * right, y + step * down
        cell //= 4
        step *= 2
    return (x + 0.5) / side, (y + 0.5) / side


def rgb(color):
    return tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))


def near(one, other):
    return all(abs(a - b) <= 24 for a, b in zip(one, other))


# An address, and how it is drawn now and after the plan. Each is in the
# middle of a block, away from the lines.
PLACES = [
    ("8.8.8.8", "strangers", "nobody"),
    ("77.40.1.1", "strangers", "nobody"),
    ("203.40.0.1", "nobody", "nobody"),
    ("10.162.0.1", "clients", "clients"),
    ("198.51.100.7", "strangers", "some-clients"),
]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_map_shows_what_the_model_says(seen, theme):
    facts, picture = seen(theme, 1000)
    colors = {name: rgb(color) for name, color in facts["colors"].items()}
    assert near(picture.getpixel((3, 3)), colors["paper"])
    assert (sum(colors["paper"]) > 384) == (theme == LIGHT)
    assert len(facts["maps"]) == 2
    for address, *kinds in PLACES:
        x, y = on_curve(address)
        for (left, top, width, height), kind in zip(facts["maps"], kinds):
            at = int(left + x * width), int(top + y * height)
            seen_color = picture.getpixel(at)
            assert near(seen_color, colors[kind]), (address, kind, at)


def test_a_phone_shows_all_of_it(seen):
    facts, picture = seen(LIGHT, 360, 9000)
    assert facts["width"] <= 360
    assert facts["tables"] == facts["captions"] > 0
    # No heading is left out on the way down.
    levels = [int(name[1]) for name in facts["headings"]]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:]))
    for left, _, width, _ in facts["maps"]:
        assert left >= 0 and 280 <= width and left + width <= 360
    # Something is written all the way down, and nothing at the right edge.
    paper = rgb(facts["colors"]["paper"])
    edge = [picture.getpixel((356, y)) for y in range(0, 8000, 7)]
    assert all(near(pixel, paper) for pixel in edge)


# How it is looked at: the colours, the width and the medium.
LOOKS = {
    "light": ("light", 1000, "screen"),
    "dark": ("dark", 1000, "screen"),
    "narrow": ("light", 360, "screen"),
    "print": ("light", 720, "print"),
}
# What of it is kept as a picture, by its name.
PARTS = {
    "answer": "header",
    "reach": "section:has(> #reach)",
    "finding": "article.finding >> nth=0",
    "plan": "section:has(> #plan) ol",
}


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        assert os.environ.get("CI") != "true", "there is no chromium"
        pytest.skip("there is no chromium")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
        )
        yield started
        started.close()


@pytest.mark.parametrize("look", LOOKS)
def test_it_looks_as_it_did(browser, page, tmp_path, monkeypatch, look):
    monkeypatch.syspath_prepend(HERE.parent / "panel")
    from pictures import seen

    theme, width, medium = LOOKS[look]
    (tmp_path / "page.html").write_text(page)
    shown = browser.new_page(viewport={"width": width, "height": 900})
    asked = []
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto((tmp_path / "page.html").as_uri())
    shown.emulate_media(color_scheme=theme, media=medium)
    assert len(asked) == 1, "it needs nothing else"
    for name, where in PARTS.items():
        seen(f"{look}-{name}", shown.locator(where), kept=HERE / "pictures")
    shown.close()
