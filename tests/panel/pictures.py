"""Pictures of the page, and those that it was seen to be right by.

They are compared small, since letters are drawn a little differently by each
version of a browser. MEMSEC_PICTURES=write keeps what is seen now.
"""

import io
import os
from pathlib import Path

from PIL import Image, ImageChops

KEPT = Path(__file__).parent / "pictures"
SCALE = 3  # a kept picture is so much smaller than what is seen
DIFFERENT = 40  # of 255: a dot that is another
TOLERANCE = 0.02  # of the dots may be


def seen(name, locator, mask=(), kept=KEPT):
    """Compares what is seen at a place with the picture of this name."""
    shot = locator.screenshot(mask=list(mask), animations="disabled")
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    size = (picture.width // SCALE, picture.height // SCALE)
    picture = picture.resize(size, Image.Resampling.BOX)
    path = kept / f"{name}.png"
    if os.environ.get("MEMSEC_PICTURES") == "write":
        kept.mkdir(exist_ok=True)
        picture.quantize(255).save(path, optimize=True)
    wanted = Image.open(path).convert("RGB")
    high, low = sorted([wanted.height, picture.height], reverse=True)
    assert wanted.width == picture.width, (name, wanted.size, picture.size)
    assert high - low <= 2 + high // 50, (name, wanted.size, picture.size)
    part = different(wanted, picture)
    if part > TOLERANCE:
        other = Path(os.environ.get("TMPDIR", "/tmp")) / f"{name}.png"
        picture.save(other)
        raise AssertionError(f"{name}: {part:.1%} is another, see {other}")


def different(one, other):
    """The part of the dots that are another."""
    size = one.width, min(one.height, other.height)
    box = (0, 0, *size)
    difference = ImageChops.difference(one.crop(box), other.crop(box))
    counts = difference.convert("L").histogram()
    return sum(counts[DIFFERENT:]) / (size[0] * size[1])
