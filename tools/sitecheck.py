"""What must hold for every page of the site: links lead somewhere, figures are described, nothing comes from elsewhere.

python -m tools.sitecheck [DIR]     checks site/, or a site elsewhere
"""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

from tools.course import ROOT

LIMIT = 60  # megabytes
LOADED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}
PICTURES = (".png", ".svg", ".jpg", ".jpeg", ".gif")


def megabytes(site: Path) -> float:
    return sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) / 1e6


def outside(address: str) -> bool:
    """Whether a browser would ask another host for it."""
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme in ("http", "https")


def described(alt: str | None) -> bool:
    """An alt text says something: Sphinx puts the file's name where nobody wrote one."""
    return bool(alt and alt.strip()) and not alt.lower().endswith(PICTURES)


def problems(site: Path) -> list[str]:
    """A sentence for everything that is wrong; none is good."""
    pages = {
        path.resolve(): BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in site.rglob("*.html")
        if "_static" not in path.parts
    }
    names = {path: {tag["id"] for tag in soup.find_all(id=True)} for path, soup in pages.items()}
    found = [] if pages else [f"{site} holds no page"]
    for path, soup in sorted(pages.items()):
        where = path.relative_to(site.resolve())
        for tag, attribute in LOADED.items():
            for address in (one[attribute] for one in soup.find_all(tag, **{attribute: True})):
                if outside(address):
                    found.append(f"{where}: asks another host for {address}")
                elif not address.startswith("data:") and not target(path, address).exists():
                    found.append(f"{where}: {address} is missing")
        for link in soup.find_all("a", href=True):
            address, fragment = link["href"], unquote(urlsplit(link["href"]).fragment)
            if urlsplit(address).scheme or outside(address):
                continue
            end = target(path, address)
            if not end.exists():
                found.append(f"{where}: the link {address} leads nowhere")
            elif fragment and end in names and fragment not in names[end]:
                found.append(f"{where}: the link {address} leads to a place that is not there")
        for image in soup.find_all("img"):
            if not described(image.get("alt")):
                found.append(f"{where}: {image.get('src', '')[-40:]} has no alt text")
    if (size := megabytes(site)) > LIMIT:
        found.append(f"the site has {size:.0f} MB, more than {LIMIT}")
    return found


def target(page: Path, address: str) -> Path:
    """The file that an address on a page means."""
    path = unquote(urlsplit(address).path)
    end = (page.parent / path).resolve() if path else page
    return end / "index.html" if end.is_dir() else end


def main() -> None:
    wrong = problems(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "site")
    print("\n".join(wrong) or "every link leads somewhere, every figure is described, nothing comes from elsewhere")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
