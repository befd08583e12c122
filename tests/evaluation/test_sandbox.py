"""The sandbox: programs that compute come through, those that attack do not, and the caller goes on."""

import os
import subprocess
import sys
import time

import pytest

from tests.evaluation.hostile import FILES, FORGERY, GREED, NETWORK, PROCESSES
from vlmcore.errors import VlmError
from vlmcore.evaluation import sandbox_walls
from vlmcore.evaluation.sandbox import ALL_LAYERS, OUTCOMES, Sandbox, read_program
from vlmcore.evaluation.sandbox_server import decode, encode

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="programs run where processes fork")
ATTACKS = FILES | NETWORK | PROCESSES


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(seconds=3.0) as sandbox:
        yield sandbox


def whole(sandbox: Sandbox) -> None:
    if set(sandbox.layers) != set(ALL_LAYERS):
        pytest.skip(f"not all walls stand here: {sandbox.missing}")


@pytest.fixture(autouse=True)
def goes_on(sandbox):
    """After every test it still runs programs."""
    yield
    assert sandbox.run("print(6 * 7)").stdout == "42\n"


# -- what computes ---------------------------------------------------------------------------------------------------


def test_a_program_runs_and_what_it_prints_is_told(sandbox):
    outcome = sandbox.run("import math\nprint(math.sqrt(16), end='!')")
    assert (outcome.outcome, outcome.stdout, outcome.error) == ("finished", "4.0!", "") and 0 < outcome.seconds < 3


VALUES = [
    None, True, 0, -(2**200), 1.5, "", "ü\n\0", [1, [2, "x"]], (1, (2,)), {1: "a", (2, 3): [4]}, {1, 2}, frozenset({3}),
    {"set": [1]}, {"dict": 1}, [], {}, set(), (),
]  # fmt: skip


def test_plain_values_go_in_and_come_out(sandbox):
    outcome = sandbox.call("def same(x):\n    return x", "same", [[value] for value in VALUES])
    assert outcome.outcome == "finished" and list(outcome.values) == VALUES
    assert [type(value) for value in outcome.values] == [type(value) for value in VALUES]
    assert all(decode(encode(value)) == value for value in VALUES)
    nan, infinite = sandbox.call("def f():\n    return float('nan'), float('inf')", "f", [[]]).values[0]
    assert nan != nan and infinite == float("inf")


def test_what_is_no_value_is_told(sandbox):
    outcome = sandbox.call("def f(x):\n    return object()", "f", [[1]])
    assert outcome.outcome == "error" and "object is no plain value" in outcome.error
    with pytest.raises(TypeError, match="no plain value"):
        sandbox.call("def f(x):\n    return x", "f", [[object()]])


@pytest.mark.parametrize(
    ("program", "outcome", "error"),
    [
        ("x = 1\nx / 0", "error", "ZeroDivisionError: division by zero, line 2"),
        ("import nowhere", "error", "ModuleNotFoundError: No module named 'nowhere', line 1"),
        ("def f(:", "error", "SyntaxError"),
        ("raise SystemExit(3)", "error", "SystemExit: 3"),
        ("raise SystemExit", "finished", ""),
        ("import sys\nsys.exit()", "finished", ""),
        ("raise MemoryError", "memory", "MemoryError"),
        ("input()", "error", "EOFError"),
        ("", "finished", ""),
    ],
)
def test_how_programs_end(sandbox, program, outcome, error):
    found = sandbox.run(program)
    assert found.outcome == outcome and found.error.startswith(error)


def test_a_function_that_is_not_there(sandbox):
    assert sandbox.call("x = 1", "f", [[1]]).error.startswith("KeyError: 'f'")


def test_what_was_printed_before_the_end_is_kept(sandbox):
    for end in ("1 / 0", "import os, sys\nsys.stdout.flush()\nos._exit(1)"):
        outcome = sandbox.run(f"print('so far')\n{end}")
        assert outcome.outcome == "error" and outcome.stdout == "so far\n"


def test_programs_know_nothing_of_one_another(sandbox):
    sandbox.run("import builtins\nbuiltins.left = 1\nimport math\nmath.pi = 3")
    assert "NameError" in sandbox.run("print(left)").error
    assert sandbox.run("import math, os\nprint(math.pi > 3.1, dict(os.environ))").stdout == "True {}\n"


BENIGN = [
    "def f(n):\n    return sum(i * i for i in range(n))",
    "def f(n):\n    return sorted(str(n * 7919) * 3)",
    "import re\ndef f(n):\n    return re.findall(r'[1-4]', str(2**n))",
    "from collections import Counter\ndef f(n):\n    return dict(Counter(str(3**n)))",
    "from functools import lru_cache\n@lru_cache\ndef f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)",
    "import decimal\ndef f(n):\n    return str(decimal.Decimal(1) / (n + 3))",
    "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\ndef f(n):\n    return P(n).x + 1",
    "import heapq\ndef f(n):\n    return heapq.nsmallest(3, [(i * n) % 17 for i in range(20)])",
    "import json, csv, datetime\ndef f(n):\n    return json.dumps([str(datetime.date(2000, 1, 1 + n % 28))])",
    "import random\ndef f(n):\n    return random.Random(n).sample(range(50), 5)",
]  # fmt: skip


def test_a_thousand_programs_without_a_false_alarm(sandbox):
    """Ten kinds, each with a hundred numbers, a program a process."""
    for program in BENIGN:
        names: dict = {}
        exec(program, names)
        for n in range(100):
            outcome = sandbox.call(program, "f", [[n]])
            assert (outcome.outcome, outcome.values) == ("finished", (names["f"](n),)), (program, n, outcome)


def test_a_program_is_read_from_a_file(tmp_path):
    (tmp_path / "good.py").write_text("print('ü')", encoding="utf-8")
    assert read_program(tmp_path / "good.py") == "print('ü')"
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "huge.py").write_bytes(b"#" * (1 << 21))
    for name, said in (("bytes.py", "no text in UTF-8"), ("huge.py", "2097152 bytes"), ("none.py", "No such file"),
                       (".", "a directory")):  # fmt: skip
        with pytest.raises(VlmError, match=said):
            read_program(tmp_path / name)


# -- what attacks ----------------------------------------------------------------------------------------------------


def test_there_are_at_least_sixty_attacks():
    assert len(ATTACKS) + len(GREED) + len(FORGERY) >= 60


@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_succeeds(sandbox, name):
    """Files, network, processes."""
    whole(sandbox)
    outcome = sandbox.run(ATTACKS[name], seconds=2.0)
    assert "ESCAPED" not in outcome.stdout and outcome.outcome in ("refused", "error", "timeout"), outcome
    assert not os.path.exists("/tmp/vlmcore-mark")


@pytest.mark.parametrize("name", GREED)
def test_what_takes_too_much_is_stopped(sandbox, name):
    program, expected = GREED[name]
    began = time.monotonic()
    seconds = 1.0 if expected == "timeout" else 10.0  # a slow machine needs its time to take all the memory
    outcome = sandbox.run(program, seconds)
    assert outcome.outcome in (expected if isinstance(expected, tuple) else (expected,)), outcome
    assert time.monotonic() - began < seconds + 5


@pytest.mark.parametrize("name", FORGERY)
def test_no_forgery_passes_for_the_right_values(sandbox, name):
    """f(2) should be 4, f(3) should be 9: what is told of one is not told of the other."""
    outcome = sandbox.call(FORGERY[name], "f", [[2], [3]], seconds=2.0)
    assert outcome.outcome in OUTCOMES and outcome.values != (4, 9)
    assert all(type(value) in (int, list, dict, str, type(None)) for value in outcome.values)


def test_a_server_that_is_lost_is_begun_anew(sandbox):
    sandbox.server.kill()
    assert sandbox.run("print(1)").outcome == "error"
    assert sandbox.run("print(1)").stdout == "1\n"


# -- the walls -------------------------------------------------------------------------------------------------------


def test_it_tells_which_walls_stand(sandbox):
    assert set(sandbox.layers) | {text.split(" (")[0] for text in sandbox.missing} == set(ALL_LAYERS)
    if sys.platform != "linux":
        assert set(sandbox.layers) == {"limits"}


def test_a_wall_that_cannot_stand_is_told_with_its_reason(monkeypatch):
    monkeypatch.setattr(sandbox_walls, "landlock", None)
    monkeypatch.setattr(sandbox_walls, "seccomp", None)
    for wall, said in ((sandbox_walls.files, "landlock"), (sandbox_walls.system_calls, "pyseccomp")):
        with pytest.raises(sandbox_walls.Missing, match=f"{said}.*not installed"):
            wall()
    monkeypatch.setattr(sandbox_walls.sys, "platform", "darwin")
    for wall in (sandbox_walls.privileges, sandbox_walls.files, sandbox_walls.namespaces):
        with pytest.raises(sandbox_walls.Missing, match="not Linux"):
            wall()


def test_where_nothing_forks_it_says_where_to_go(monkeypatch):
    monkeypatch.delattr(os, "fork")
    with pytest.raises(VlmError, match="WSL or Colab"):
        Sandbox()


def test_the_server_ends_with_the_sandbox():
    with Sandbox() as sandbox:
        server = sandbox.server
        assert server.poll() is None
    assert server.poll() is not None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
def test_it_stands_for_others_than_root_too():
    """The same walls around the same attacks, begun by nobody in particular."""
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    again = f"import subprocess\nsubprocess.run([{sys.executable!r}, '-c', ''], check=True)"
    if subprocess.run([*nobody, sys.executable, "-c", again], capture_output=True).returncode != 0:
        pytest.skip("nobody else may run this Python")
    program = (
        "from vlmcore.evaluation.sandbox import Sandbox\nfrom tests.evaluation.hostile import FILES, PROCESSES\n"
        "with Sandbox() as s:\n    print(s.layers, [n for n, p in (FILES | PROCESSES).items() "
        "if 'ESCAPED' in s.run(p, 1.0).stdout])"
    )
    told = subprocess.run([*nobody, sys.executable, "-c", program], capture_output=True, text=True)
    assert told.stdout.endswith(" []\n"), told
