"""The standard library as text: whole modules are held out, and nothing is there twice."""

import pytest

from vlmcore.text import python_source
from vlmcore.text.python_source import held_out, modules, read


@pytest.fixture(scope="module")
def library():
    return modules(packages=False)


def test_the_library_is_there(library):
    for name in ("argparse", "json.decoder", "collections.__init__", "random"):
        assert "def " in library[name]
    assert 3e6 < sum(map(len, library.values())) < 3e7


def test_tests_tables_and_repetitions_are_left_out(library):
    assert not any({"test", "tests", "encodings", "pydoc_data"} & set(name.split(".")) for name in library)
    assert len(set(library.values())) == len(library)
    assert "\t" not in "".join(library.values())


def test_about_one_module_in_twenty_is_held_out_by_its_name(library):
    share = sum(map(held_out, library)) / len(library)
    assert share == pytest.approx(1 / python_source.HELD_OUT, abs=0.03)


def test_what_is_no_python_is_not_read(tmp_path):
    cases = {"broken.py": "def f(:\n" * 100, "short.py": "x = 1\n", "whole.py": "x = 1\n" * 100}
    for name, text in cases.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe" * 200)
    assert read(tmp_path / "whole.py") == cases["whole.py"]
    for name in ("broken.py", "short.py", "bytes.py", "missing.py"):
        assert read(tmp_path / name) is None


def test_packages_are_read_whose_licence_stands_in_the_list(monkeypatch, tmp_path):
    (tmp_path / "pillowish").mkdir()
    (tmp_path / "pillowish" / "part.py").write_text("y = 2\n" * 100)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "part.py").write_text("z = 3\n" * 100)
    paths = {"stdlib": str(tmp_path / "none"), "purelib": str(tmp_path)}
    monkeypatch.setattr(python_source.sysconfig, "get_path", paths.get)
    monkeypatch.setattr(python_source, "PACKAGES", {"pillowish": "MIT"})
    python_source.modules.cache_clear()
    try:
        assert python_source.modules() == {"pillowish.part": "y = 2\n" * 100}
    finally:
        python_source.modules.cache_clear()
