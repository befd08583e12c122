"""The course as a static site in site/: lessons with their outputs, results, reference, glossary.

    python -m tools.website                 the whole site, answers folded away
    python -m tools.website --no-answers    for teachers who grade: the answers are left out
    python -m tools.website --pictures      no site, but README's figure of each lesson, in lessons/pictures/

The lessons were run before (python -m tools.executed); what the site loads comes from npm once (tools/assets.py).
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image

from tools import assets, executed, page, results, sitecheck
from tools.course import LESSONS, ROOT, sources

DOCS, SITE = ROOT / "docs", ROOT / "site"
WORK = ROOT / "runs" / "site"  # git ignores runs/


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


CARD = """\
:::{{grid-item-card}} {title}
:img-top: pictures/{number}.png
:img-alt: {alt}
:link: lessons/{name}
:link-type: doc
{text}
:::"""


def pictures(folder: Path, width: int | None = None) -> None:
    """The figure that stands for each lesson, NN.png; with ``width``, small enough for git."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources():
        figure = Image.open(io.BytesIO(page.picture(source)[0])).convert("RGB")
        if width:
            figure.thumbnail((width, width), Image.Resampling.LANCZOS)
            figure = figure.quantize(128)
        figure.save(folder / f"{source.stem[:2]}.png", optimize=True)


def cards(folder: Path) -> str:
    """The lessons of the landing page, a picture, a title and a sentence each; the pictures go into ``folder``."""
    pictures(folder)
    made = []
    for source in sources():
        alt = page.picture(source)[1]
        title, text = page.heading(source)
        made.append(CARD.format(title=title, number=source.stem[:2], alt=alt, name=source.stem, text=text))
    return "\n".join(["::::{grid} 1 2 3 3", ":gutter: 3", "", *made, "::::"])


def gather(folder: Path, answers: bool) -> None:
    """Sphinx's sources: the pages of docs/, and what is made of lessons and results."""
    shutil.copytree(DOCS, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("conf.py", "static"))
    shutil.copytree(LESSONS, folder / "downloads", ignore=shutil.ignore_patterns("progress.json", "pictures", ".*"))
    for source in sources():
        page.write(source, folder / "lessons", answers)
    found = results.load()
    results.charts(found, folder / "charts")
    for name, fill in (("index", {"lessons": cards(folder / "pictures")}), ("results", results.places(found))):
        path = folder / f"{name}.md"
        text = path.read_text(encoding="utf-8")
        for place, value in fill.items():
            text = text.replace(f"@{place}@", value)
        path.write_text(text, encoding="utf-8")


def build(answers: bool) -> None:
    if stale := [source.stem for source in sources() if not executed.is_fresh(source)]:
        raise SystemExit(f"not run since the code or the model changed: {', '.join(stale)}. `make executed` runs them")
    if bare := {source.stem: cells for source in sources() if (cells := page.without_alt(source))}:
        raise SystemExit(f'figures without an alt text (a cell\'s metadata, "alt"): {bare}')
    assets.fetch(WORK / "assets")
    gather(fresh(WORK / "source"), answers)
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q", "-c", str(DOCS)]
    command += ["-d", str(fresh(WORK / "doctrees"))]  # apart: Sphinx would publish them, answers and all
    done = subprocess.run([*command, str(WORK / "source"), str(fresh(WORK / "html"))], cwd=ROOT)
    if done.returncode:
        raise SystemExit(done.returncode)
    if wrong := sitecheck.problems(WORK / "html"):
        raise SystemExit("\n".join([*wrong[:20], f"{len(wrong)} problems in all"]))
    shutil.rmtree(SITE, ignore_errors=True)
    (WORK / "html").rename(SITE)
    print(f"{SITE}/index.html: {sitecheck.megabytes(SITE):.0f} MB. Open it in a browser, or publish the folder.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-answers", action="store_true", help="leave the answers of the exercises out")
    parser.add_argument("--pictures", action="store_true", help="write lessons/pictures/ instead")
    arguments = parser.parse_args()
    if arguments.pictures:
        pictures(LESSONS / "pictures", width=900)
    else:
        build(answers=not arguments.no_answers)


if __name__ == "__main__":
    main()
