"""Our answers have the status, the shape and the values of llama-server's recorded ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.compat import stored
from tests.compat.conftest import Answers
from tests.compat.difference import answers_differ
from tests.compat.differs import DIFFERS
from tests.compat.exchange import Case
from tests.compat.profiles import SHAPES
from tests.compat.profiles import ShapeProfile
from tests.compat.profiles import tiny_digest

Json = Any

RECORDED = {
    name: vector
    for profile in SHAPES
    for group, _ in profile.groups
    for name, vector in stored.load_cases(group).items()
}
PLACES = {case.name: (profile, case) for profile in SHAPES for case in profile.cases}
KINDS = (
    "decision 0001: ",
    "decision 0003: ",
    "decision 0006: ",
    "decision 0008: ",
    "issue ",
    "bug: ",
)
AGAIN = "python -m tests.compat.record"


def for_cases(names: Iterable[str]) -> pytest.MarkDecorator:
    """Run a test for these cases, each with its profile."""
    places = {name: PLACES[name] for name in names}
    return pytest.mark.parametrize(("profile", "case"), places.values(), ids=list(places))


def listed_globs(name: str) -> list[str]:
    """The globs of all places where a case may differ."""
    return [glob for row in DIFFERS if name in row.cases for glob in row.paths]


def test_case_names_are_unique() -> None:
    names = Counter(case.name for profile in SHAPES for case in profile.cases)
    assert [name for name, n in names.items() if n > 1] == []


def test_the_vectors_answer_the_corpus_as_it_is_now() -> None:
    asked = {name: case.to_json() for name, (_, case) in PLACES.items()}
    recorded = {name: vector["requests"] for name, vector in RECORDED.items()}
    assert asked == recorded, f"record again: {AGAIN} shapes"


def test_the_tiny_model_is_the_one_of_the_vectors() -> None:
    assert stored.load("tiny-model") == [tiny_digest()], f"record again: {AGAIN}"


def test_every_listed_difference_is_of_a_known_case_and_has_a_kind() -> None:
    for row in DIFFERS:
        assert set(row.cases) <= PLACES.keys(), row
        assert row.reason.startswith(KINDS), row


@pytest.mark.model
@for_cases(PLACES)
def test_the_answer_is_the_references_but_for_listed_differences(
    profile: ShapeProfile, case: Case, our_answers: Answers
) -> None:
    found = answers_differ(RECORDED[case.name]["answer"], our_answers(profile)[case.name])
    globs = listed_globs(case.name)
    unlisted = [d for d in found if not any(fnmatchcase(d.path, glob) for glob in globs)]
    assert not unlisted, "\n".join(map(str, unlisted))


@pytest.mark.model
@for_cases(name for name in PLACES if listed_globs(name))
def test_listed_differences_are_still_there(
    profile: ShapeProfile, case: Case, our_answers: Answers
) -> None:
    found = answers_differ(RECORDED[case.name]["answer"], our_answers(profile)[case.name])
    globs = listed_globs(case.name)
    gone = [glob for glob in globs if not any(fnmatchcase(d.path, glob) for d in found)]
    assert not gone, f"take out of differs: {case.name} {gone}"
