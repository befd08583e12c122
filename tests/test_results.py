"""Results are told in one file; README and the site's page say what it says."""

import re

import pytest

from tools import results
from tools.course import ROOT

FOUND = results.load()


def test_readme_has_the_files_numbers():
    assert results.readme_table(FOUND) in (ROOT / "README.md").read_text(encoding="utf-8")


def test_readmes_other_numbers_are_the_files():
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"{FOUND['models'][results.LLAVA]['minutes']} minutes of training on two cores" in text
    assert f"{FOUND['measured']['robust_per_task']} questions a task and condition" in text


@pytest.mark.parametrize("model", FOUND["models"])
def test_a_mean_is_the_mean_of_its_tasks(model):
    clean = FOUND["models"][model]["clean"].values()
    assert FOUND["models"][model]["mean"] == pytest.approx(sum(clean) / len(clean), abs=0.06)
    assert all(0 <= share <= 100 for share in clean)


def test_models_are_asked_the_same_tasks():
    assert len({tuple(sorted(model["clean"])) for model in FOUND["models"].values()}) == 1


def test_the_page_keeps_a_place_for_each_number_and_no_number_of_its_own():
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    places = results.places(FOUND)
    assert set(re.findall(r"@(\w+)@", text)) == set(places)
    head = text.split("## The code itself")[0]  # speed is measured by `make bench`, not by the benchmark
    assert not re.findall(r"\d+(?:\.\d+)? %", re.sub(r"near \d+ %", "", head))


def test_charts_are_drawn(tmp_path):
    results.charts(FOUND, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"clean.png", "robust.png"}
