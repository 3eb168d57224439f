"""That each adapter stays a thin one: what it knows, the library says."""

import pytest
from host import ROOT

PROGRAMS = {
    "ajenti": ["**/*.py", "**/*.js", "**/index.html"],
    "cpanel": ["*.pm"],
    "directadmin": ["admin/index.html"],
}


@pytest.mark.parametrize("panel", PROGRAMS)
def test_an_adapter_is_below_a_hundred_lines(panel):
    place = ROOT / "examples/panel" / panel
    files = [path for glob in PROGRAMS[panel] for path in place.glob(glob)]
    assert files
    assert sum(len(path.read_text().splitlines()) for path in files) < 100
