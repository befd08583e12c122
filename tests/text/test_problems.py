"""HumanEval's and HumanEval-X's files: one line of each form, written out, run, and answered."""

import gzip
import json

import pytest

from vlmcore.errors import VlmError
from vlmcore.text.problems import read_problems, write_answers

HUMAN_EVAL = {
    "task_id": "HumanEval/0",
    "prompt": 'def double(x):\n    """Twice x."""\n',
    "entry_point": "double",
    "canonical_solution": "    return 2 * x\n",
    "test": "def check(candidate):\n    assert candidate(3) == 6\n",
}
HUMAN_EVAL_X = {
    "task_id": "Python/0",
    "prompt": HUMAN_EVAL["prompt"],
    "declaration": "def double(x):\n",
    "canonical_solution": "    return 2 * x\n",
    "test": "def check(double):\n    assert double(3) == 6\n\ncheck(double)\n",
    "example_test": "",
}
FORMS = {"HumanEval": HUMAN_EVAL, "HumanEval-X": HUMAN_EVAL_X}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_the_right_answer_reaches_the_end_and_a_wrong_one_does_not(form, packed, tmp_path):
    text = f"{json.dumps(FORMS[form])}\n\n".encode()
    path = tmp_path / "problems.jsonl"
    path.write_bytes(gzip.compress(text) if packed else text)
    (problem,) = read_problems(path)
    exec(problem.program(problem.solution), {})
    with pytest.raises(AssertionError):
        exec(problem.program("    return 3 * x\n"), {})
    assert problem.task_id == FORMS[form]["task_id"] and problem.declaration == FORMS[form].get("declaration")


@pytest.mark.parametrize(("form", "key"), [("HumanEval", "completion"), ("HumanEval-X", "generation")])
def test_answers_have_the_key_that_the_grader_reads(form, key, tmp_path):
    (tmp_path / "problems").write_text(json.dumps(FORMS[form]))
    (problem,) = read_problems(tmp_path / "problems")
    write_answers(tmp_path / "answers.jsonl", [(problem, "    return 1\n"), (problem, "    return 2\n")])
    lines = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert lines == [{"task_id": problem.task_id, key: f"    return {n}\n"} for n in (1, 2)]


OTHER = {
    "half a line": (b"{", "line 1 is no JSON"),
    "no text": (b"\xff\xff", "name a file of JSON lines"),
    "no gzip": (b"\x1f\x8bnothing", "name a file"),
    "a damaged gzip": (gzip.compress(b"{}", mtime=0)[:-9] + b"\xff" * 9, "name a file"),
    "no prompt": (json.dumps({"task_id": 1}).encode(), "problem 1 has no prompt, canonical_solution, test"),
    "no entry point": (json.dumps({k: v for k, v in HUMAN_EVAL.items() if k != "entry_point"}).encode(), "no entry_p"),
}


@pytest.mark.parametrize("kind", OTHER)
def test_other_files_are_told_of(kind, tmp_path):
    text, said = OTHER[kind]
    (tmp_path / "problems").write_bytes(text)
    with pytest.raises(VlmError, match=said):
        read_problems(tmp_path / "problems")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(VlmError, match="name a file of JSON lines"):
        read_problems(tmp_path / "none.jsonl")
