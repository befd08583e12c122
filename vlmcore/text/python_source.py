"""Python that every machine has: the standard library's source, and that of packages which lie beside it.

Design choices:
- a module belongs to training or is held out by its name, as a whole: functions of one module resemble each other;
- tests, tables (encodings) and what is there twice are left out: they teach little and fill much;
- of the packages only those are read whose licence permits it, and the licence stands here.

The standard library is under the PSF licence. Another Python version has another library: figures differ a little.
"""

from __future__ import annotations

import ast
import hashlib
import sysconfig
from functools import cache
from pathlib import Path

PACKAGES = {  # beside the standard library, where they are installed: name → licence
    "PIL": "MIT-CMU", "attr": "MIT", "jinja2": "BSD-3-Clause", "matplotlib": "PSF-like", "networkx": "BSD-3-Clause",
    "numpy": "BSD-3-Clause", "packaging": "Apache-2.0 or BSD-2-Clause", "requests": "Apache-2.0",
}  # fmt: skip
SKIPPED = {
    "test", "tests", "testing", "idle_test", "encodings", "pydoc_data", "site-packages", "__pycache__", "turtledemo",
    "__phello__",
}  # fmt: skip
LARGEST = 200_000  # characters of a module: what is longer is a table
HELD_OUT = 20  # one module in so many is kept for evaluation


@cache
def modules(packages: bool = True) -> dict[str, str]:
    """Dotted name → source, in the order of the names."""
    roots = [(Path(sysconfig.get_path("stdlib")), "")]
    beside = Path(sysconfig.get_path("purelib"))
    roots += [(beside / name, f"{name}.") for name in sorted(PACKAGES) if packages and (beside / name).is_dir()]
    found: dict[str, str] = {}
    seen: set[str] = set()
    for root, prefix in roots:
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if not SKIPPED.isdisjoint(parts) or parts[-1].startswith("test_"):
                continue
            source = read(path)
            if source is None or (digest := hashlib.sha256(source.encode()).hexdigest()) in seen:
                continue
            seen.add(digest)
            found[prefix + ".".join(parts)] = source
    return found


def read(path: Path) -> str | None:
    """A module's text, or None where it is empty, a table, or no Python that this Python reads."""
    try:
        source = path.read_text(encoding="utf-8")
        ast.parse(source)
    except (OSError, SyntaxError, ValueError):  # an old encoding, a template
        return None
    return source.expandtabs(4) if 200 < len(source) < LARGEST else None


def held_out(name: str) -> bool:
    """Is it a module that training never reads?"""
    return hashlib.sha256(name.encode()).digest()[0] % HELD_OUT == 0
