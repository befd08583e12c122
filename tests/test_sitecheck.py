"""What the site's check finds: dead links, figures that nobody described, and whatever comes from another host."""

import pytest

from tools import sitecheck

GOOD = (
    '<h1 id="top">A</h1><a href="b.html#there">b</a><a href="https://example.org">x</a><img src="a.png" alt="A dot.">'
)
BAD = {
    '<a href="c.html">c</a>': "leads nowhere",
    '<a href="b.html#gone">b</a>': "leads to a place that is not there",
    '<a href="#gone">b</a>': "leads to a place that is not there",
    '<img src="a.png">': "has no alt text",
    '<img src="a.png" alt="">': "has no alt text",
    '<img src="a.png" alt="_images/a.png">': "has no alt text",
    '<img src="gone.png" alt="A dot.">': "gone.png is missing",
    '<script src="https://cdn.example.org/a.js"></script>': "asks another host",
    '<link rel="stylesheet" href="//fonts.example.org/a.css">': "asks another host",
}


@pytest.fixture
def site(tmp_path):
    (tmp_path / "a.html").write_text(GOOD, encoding="utf-8")
    (tmp_path / "b.html").write_text('<h1 id="there">B</h1><a href="./a.html">a</a>', encoding="utf-8")
    (tmp_path / "a.png").write_bytes(b"a picture")
    return tmp_path


def test_a_good_site_has_no_problems(site):
    assert sitecheck.problems(site) == []


@pytest.mark.parametrize("mistake", BAD)
def test_a_mistake_is_named(site, mistake):
    (site / "a.html").write_text(GOOD + mistake, encoding="utf-8")
    (problem,) = sitecheck.problems(site)
    assert BAD[mistake] in problem and problem.startswith("a.html: ")


def test_an_empty_site_is_none(tmp_path):
    assert sitecheck.problems(tmp_path)


def test_a_site_that_is_too_large_is_told(site, monkeypatch):
    monkeypatch.setattr(sitecheck, "LIMIT", 0)
    assert any("more than" in problem for problem in sitecheck.problems(site))
