"""Captions with boxes, thing by thing, and how well boxes fit; CogVLM's questions in the benchmark."""

import pytest

from vlmcore.evaluation.benchmark import benchmark, evaluate, paint_all, right
from vlmcore.evaluation.grounding import NAMED, TASKS, named_boxes, overlaps, same_things
from vlmcore.evaluation.report import ASKED
from vlmcore.models.cogvlm import CogVLM
from vlmcore.models.llava import LLaVA
from vlmcore.scenes.grounded_questions import GroundedQuestions
from vlmcore.scenes.questions import QuestionGenerator
from vlmcore.scenes.scene import any_held_out_pair
from vlmcore.scenes.thoughts import split_thoughts
from vlmcore.scenes.world import World

DOG, CAT, PIG = (0.1, 0.1, 0.4, 0.4), (0.5, 0.5, 0.9, 0.9), (0.0, 0.6, 0.2, 1.0)
A_DOG, A_CAT, A_PIG = "a dog [[100,100,400,400]]", "a cat [[500,500,900,900]]", "a pig [[000,600,200,1000]]"
MALFORMED = [
    "[[1,2]]", "[[040,080", "[[", "]]", "[[]]", "]][[", "a dog", "[[100,100,400]]", "[[100,100,400,400", "[[;]]",
    "a dog [[1,2]]", "[[a,b,c,d]]", "[[-100,100,400,400]]", "[[400,400,100,100]]", "[[100,100,100,100]]",
    " and ", ", ", "[[[[100,100,400]]]]",
]  # fmt: skip


# -- captions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer, pairs, rest",
    [
        (A_DOG, [("a dog", DOG)], ""),
        (f"{A_DOG} and {A_CAT}", [("a dog", DOG), ("a cat", CAT)], ""),
        (f"{A_DOG}, {A_PIG} and {A_CAT} in the forest", [("a dog", DOG), ("a pig", PIG), ("a cat", CAT)],
         "in the forest"),
        (f"{A_DOG} in space", [("a dog", DOG)], "in space"),
        ("a pair of skis [[100,100,400,400]]", [("a pair of skis", DOG)], ""),
        ("a dog [[100,100,400,400;500,500,900,900]]", [("a dog", DOG), ("a dog", CAT)], ""),
        ("[[100,100,400,400]]", [("", DOG)], ""),
        ("none", [], "none"),
        ("a dog in the forest", [], "a dog in the forest"),
        ("", [], ""),
    ],
)  # fmt: skip
def test_each_box_has_the_name_before_it(answer, pairs, rest):
    assert named_boxes(answer) == (pairs, rest)


@pytest.mark.parametrize(
    "answer, expected",
    [
        (A_DOG, A_DOG),
        (f"{A_CAT} and {A_DOG}", f"{A_DOG} and {A_CAT}"),
        (f"{A_PIG}, {A_CAT} and {A_DOG} in space", f"{A_DOG}, {A_PIG} and {A_CAT} in space"),
        ("a dog [[500,500,900,900]] and a dog [[100,100,400,400]]",
         "a dog [[100,100,400,400]] and a dog [[500,500,900,900]]"),
        ("a dog [[100,100,400,400;500,500,900,900]]", "a dog [[500,500,900,900]] and a dog [[100,100,400,400]]"),
        ("a dog [[199,100,499,400]]", A_DOG),  # IoU 201/399
        ("a dog [[001,100,301,400]]", A_DOG),
        ("a dog [[100,100,400,251]]", A_DOG),  # a little more than its half
        (f" {A_DOG}  in space ", f"{A_DOG} in space"),
        ("none", "none"),
    ],
)  # fmt: skip
def test_the_same_things_in_any_order(answer, expected):
    assert same_things(answer, expected) and same_things(expected, answer)


@pytest.mark.parametrize(
    "answer, expected",
    [
        ("a cat [[100,100,400,400]]", A_DOG),  # another name
        ("dog [[100,100,400,400]]", A_DOG),
        ("[[100,100,400,400]]", A_DOG),
        ("a dog [[500,500,900,900]] and a cat [[100,100,400,400]]", f"{A_DOG} and {A_CAT}"),  # each other's boxes
        (A_DOG, f"{A_DOG} and {A_CAT}"),  # one is missing,
        (f"{A_DOG} and {A_DOG}", A_DOG),  # or one too many
        (f"{A_DOG} and {A_DOG}", "a dog [[100,100,400,400]] and a dog [[500,500,900,900]]"),
        (f"{A_DOG} in space", A_DOG),  # another place
        (f"{A_DOG} in space", f"{A_DOG} in the forest"),
        ("a dog [[201,100,501,400]]", A_DOG),  # IoU 199/401
        ("a dog [[000,100,299,400]]", A_DOG),
        ("a dog [[100,100,400,249]]", A_DOG),
        ("none", A_DOG),
        ("", A_DOG),
        ("", "none"),
        ("a dog", "a cat"),
    ],
)  # fmt: skip
def test_other_things_are_not_the_same(answer, expected):
    assert not same_things(answer, expected) and not same_things(expected, answer)


@pytest.mark.parametrize("answer", MALFORMED)
def test_malformed_answers_are_wrong_and_no_crash(answer):
    named_boxes(answer)
    for expected in (A_DOG, f"{A_DOG} and {A_CAT}", "none"):
        assert not same_things(answer, expected)
    assert overlaps([answer, f"{answer} {A_CAT}"], [[DOG], [CAT]])[1] == 1


def test_a_thing_whose_box_is_malformed_is_one_too_many():
    assert not same_things(f"a pig [[1,2]] and {A_DOG}", A_DOG)
    assert not same_things(f"{A_DOG} and a pig [[000,600,200]]", A_DOG)


# -- how well boxes fit ----------------------------------------------------------------------------------------------


def test_every_expected_box_has_its_overlap():
    right, half = "[[100,100,400,400]]", "[[100,100,400,250]]"
    assert overlaps([right, half], [[DOG], [DOG]]) == pytest.approx([1, 0.5])
    assert overlaps([f"{A_CAT} and {A_DOG}"], [[DOG, CAT]]) == pytest.approx([1, 1])
    assert overlaps(["at the top [[100,100,400,400;500,500,900,700]]"], [[CAT, DOG]]) == pytest.approx([0.5, 1])
    assert overlaps([], []) == [] and overlaps([right], [[]]) == []


def test_one_box_answers_for_one_thing():
    near = (0.1, 0.1, 0.4, 0.3)
    assert overlaps([A_DOG], [[DOG, near]]) == pytest.approx([1, 0])
    assert overlaps([f"{A_DOG} {A_DOG}"], [[DOG, near]]) == pytest.approx([1, 2 / 3])
    assert overlaps([A_DOG, A_DOG], [[DOG], [DOG]]) == pytest.approx([1, 1])  # another answer's is another box
    assert overlaps([A_DOG], [[CAT, DOG]]) == pytest.approx([0, 1])  # one that meets nothing is not used up


def test_without_a_box_there_is_no_overlap():
    for answer in ("", "none", "a dog", "[[1,2]]", "[[040,080", A_CAT):
        assert overlaps([answer], [[DOG, PIG]]) == [0, 0]
    with pytest.raises(ValueError):
        overlaps([A_DOG], [])


# -- in the benchmark ------------------------------------------------------------------------------------------------

WORLD = World(48)


@pytest.fixture(scope="module")
def items():
    return benchmark(WORLD, 5, seed=3, tasks=TASKS, questions=GroundedQuestions)


def scores(items, change=lambda exchange: exchange.answer):
    """Of a model that knows each scene's answer, and says what ``change`` makes of it."""
    left = iter(items)
    answer_all = lambda asked: [change(next(left).conversation[0]) for _ in asked]  # noqa: E731
    return evaluate(answer_all, items, paint_all(WORLD, items))


def test_each_system_is_asked_its_own_questions():
    (llava, asks_llava), (cogvlm, asks_cogvlm) = ASKED[LLaVA], ASKED[CogVLM]
    assert cogvlm == (*llava, *TASKS) and len(set(cogvlm)) == len(cogvlm)
    assert (asks_llava, asks_cogvlm) == (QuestionGenerator, GroundedQuestions)


def test_the_items_are_held_out_and_hide_something_where_that_is_asked(items):
    assert [item.task for item in items] == [task for task in TASKS for _ in range(5)]
    assert all(item.conversation[0].task == item.task and any_held_out_pair(item.scene) for item in items)
    assert all(item.scene.kind == "hidden" for item in items if item.task == "explain")
    assert benchmark(World(48), 5, seed=3, tasks=TASKS, questions=GroundedQuestions) == items


def test_the_perfect_score_1_and_the_wrong_0(items):
    assert scores(items) == dict.fromkeys(TASKS, 1.0)
    for wrong in ("", "none of it", "a dog", "[[000,000,040,040]]"):
        assert scores(items, lambda exchange, wrong=wrong: wrong) == dict.fromkeys(TASKS, 0.0)
    assert scores(items, lambda exchange: f"not {split_thoughts(exchange.answer)[1]}") == {
        task: float(task == "find") for task in TASKS  # of boxes alone the numbers count
    }  # fmt: skip


def test_thoughts_do_not_count(items):
    assert scores(items, lambda exchange: split_thoughts(exchange.answer)[1]) == dict.fromkeys(TASKS, 1.0)
    other = "top-left no top dog hidden: "
    assert scores(items, lambda exchange: other + split_thoughts(exchange.answer)[1]) == dict.fromkeys(TASKS, 1.0)


def test_boxes_that_are_thought_of_do_not_count():
    """Neither as found, nor as too many."""
    aloud = "top-left no top dog one [[040,080,360,400]] left dog two [[400,080,760,400]]: "
    one = "[[040,080,360,400]]"
    boxes = [(0.04, 0.08, 0.36, 0.4)]
    assert right(aloud + one, aloud + one, boxes) and not right(f"{aloud}none", one, boxes)
    assert not right(aloud + one, one, [*boxes, (0.4, 0.08, 0.76, 0.4)])
    assert overlaps([f"{aloud}none", aloud + one], [boxes, boxes]) == [0, 1]


def test_names_and_boxes_both_count_where_things_are_named(items):
    """And nowhere else."""
    named = [item for item in items if item.conversation[0].boxes]
    tasks = dict.fromkeys(item.task for item in named)
    no_names = scores(named, lambda exchange: exchange.answer.replace("a", "an"))
    no_boxes = scores(named, lambda exchange: exchange.answer.replace("0,", "0;"))
    assert no_names == {task: float(task == "find") for task in tasks}
    assert no_boxes == dict.fromkeys(tasks, 0.0) and set(tasks) == {"find", *NAMED}
