"""What a page of the site needs from npm, fetched once and served from the site itself, which then works offline.

Three archives of npm's registry, each pinned by the SHA-512 that npm states for it, so that nothing else can slip in.
No Node is needed: an archive is a tar file, and of each only the files that a page loads are kept.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

REGISTRY = "https://registry.npmjs.org"
TRIES = 3  # a connection that breaks off is no reason to start the build again


@dataclass(frozen=True)
class Package:
    """An npm package: what is kept of its archive goes into a folder of this ``name``."""

    name: str
    archive: str
    sha512: str
    keep: tuple[str, ...]  # beginnings of paths in the archive


PACKAGES = (
    Package(
        "mathjax",
        "mathjax/-/mathjax-3.2.2.tgz",
        "Bt+SSVU8eBG27zChVewOicYs7Xsdt40qm4+UpHyX7k0/O9NliPc+x77k1/FEsPsjKPZGJvtRZM1vO+geW0OhGw==",
        ("package/es5/tex-chtml.js", "package/es5/output/chtml/fonts/", "package/es5/input/tex/extensions/"),
    ),
    Package(
        "requirejs",
        "requirejs/-/requirejs-2.3.7.tgz",
        "DouTG8T1WanGok6Qjg2SXuCMzszOo0eHeH9hDZ5Y4x8Je+9JB38HdTLT4/VA8OaUhBa0JPVHJ0pyBkM1z+pDsw==",
        ("package/require.js",),
    ),
    Package(
        "html-manager",
        "@jupyter-widgets/html-manager/-/html-manager-1.0.14.tgz",
        "wglgQQ+VMj+MBKkTttdeoMtOah/H2A1w5GU1OAVXmDQqZYTK6C+oHZjQMxcNezIpiqUjC1YHKOo5XdP3ENvBng==",
        ("package/dist/embed-amd.js", *(f"package/dist/{first}" for first in "0123456789abcdef" if first != "e")),
    ),
)


def archive(package: Package) -> bytes:
    """The package's archive, whole and as it was when we pinned it. Errors: SystemExit."""
    url = f"{REGISTRY}/{package.archive}"
    for left in reversed(range(TRIES)):
        try:
            with urllib.request.urlopen(url, timeout=120) as answer:
                data = answer.read()
            break
        except OSError as error:
            if not left:
                raise SystemExit(f"{url} cannot be fetched, and the site needs it once: {error}") from error
    found = base64.b64encode(hashlib.sha512(data).digest()).decode()
    if found != package.sha512:
        raise SystemExit(f"{url} is not what was pinned: its SHA-512 is {found}")
    return data


def unpack(package: Package, data: bytes, folder: Path) -> None:
    """What is kept of an archive, into folder/name, without the archive's own first folders."""
    with tarfile.open(fileobj=io.BytesIO(data)) as files:
        for member in files:
            if member.isfile() and member.name.startswith(package.keep):
                path = member.name.removeprefix("package/").removeprefix("dist/").removeprefix("es5/")
                target = folder / package.name / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(files.extractfile(member).read())


def fetch(folder: Path) -> None:
    """Every package into ``folder``; what is there in this very version stays."""
    for package in PACKAGES:
        mark = folder / package.name / ".sha512"
        if not mark.is_file() or mark.read_text(encoding="ascii") != package.sha512:
            unpack(package, archive(package), folder)
            mark.write_text(package.sha512, encoding="ascii")
