"""The same request and seed give the reference's text, by the rule of `divergence.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.compat import stored
from tests.compat.cases.sampling import SETTINGS
from tests.compat.conftest import Models
from tests.compat.conftest import running
from tests.compat.divergence import Setting
from tests.compat.divergence import objection
from tests.compat.divergence import setting_of
from tests.compat.divergence import with_probabilities
from tests.compat.profiles import TEXT_PROFILES
from tests.compat.profiles import TextProfile
from tests.e2e import wire
from tests.e2e.live import LiveServer

Json = Any

FIELDS = ("stop_type", "stopping_word", "tokens_evaluated")
"""What must be equal where the text is."""

each_setting = pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: str(s.name))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one setting."""

    is_equal: bool
    objection: str | None
    fields: dict[str, Json]
    streamed: str


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of all settings of a profile."""

    profile: TextProfile
    vectors: dict[str, Json]
    by_name: dict[str, Outcome]


@pytest.fixture(scope="session", params=[profile.name for profile in TEXT_PROFILES])
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, models: Models
) -> Outcomes:
    """All settings of a profile, asked in order."""
    profile = next(profile for profile in TEXT_PROFILES if profile.name == request.param)
    vectors = stored.load_cases(f"text-{profile.name}")
    folder = tmp_path_factory.mktemp("texts")
    with running(models(profile.name), profile.options, folder) as server:
        by_name = {s.name: _outcome(s, vectors[s.name], profile, server) for s in SETTINGS}
    return Outcomes(profile, vectors, by_name)


def _outcome(setting: Setting, vector: Json, profile: TextProfile, server: LiveServer) -> Outcome:
    body = vector["body"]
    with wire.stream(server.url, "/completion", {**body, "stream": True}) as stream:
        streamed = "".join(event["content"] for event in stream.events())
    reply = server.post("/completion", body)
    assert reply.status == 200, (setting.name, reply)
    answer = reply.json
    fields = {name: answer[name] for name in FIELDS}
    if answer["content"] == vector["text"]:
        return Outcome(True, None, fields, streamed)
    judged = server.post("/completion", with_probabilities(body, setting.is_greedy)).json
    if judged["content"] != answer["content"]:
        return Outcome(False, "n_probs changes the text", fields, streamed)
    why = objection(setting.is_greedy, vector, judged, profile.tolerance)
    return Outcome(False, why, fields, streamed)


@pytest.mark.parametrize("profile", TEXT_PROFILES, ids=lambda profile: str(profile.name))
def test_the_vectors_answer_the_settings_as_they_are_now(profile: TextProfile) -> None:
    asked = {setting.name: setting.body for setting in SETTINGS}
    vectors = stored.load_cases(f"text-{profile.name}")
    recorded = {name: setting_of(vector) for name, vector in vectors.items()}
    assert asked == recorded, f"record again: python -m tests.compat.record {profile.name}"


@pytest.mark.model
@each_setting
def test_the_text_is_the_references_or_lost_a_near_tie(
    setting: Setting, outcomes: Outcomes
) -> None:
    outcome = outcomes.by_name[setting.name]
    objections = [o.objection for o in outcomes.by_name.values() if o.objection is not None]
    if len(objections) > outcomes.profile.max_objections:
        assert outcome.objection is None, outcome.objection
    if outcome.is_equal:
        vector = outcomes.vectors[setting.name]
        assert outcome.fields == {name: vector[name] for name in FIELDS}


@pytest.mark.model
def test_most_texts_are_equal_to_the_end(outcomes: Outcomes) -> None:
    diverged = [name for name, outcome in outcomes.by_name.items() if not outcome.is_equal]
    allowed = (1 - outcomes.profile.min_equal) * len(outcomes.by_name)
    assert len(diverged) <= allowed, diverged


@pytest.mark.model
@each_setting
def test_a_streamed_text_is_the_whole_one(setting: Setting, outcomes: Outcomes) -> None:
    outcome = outcomes.by_name[setting.name]
    if outcome.is_equal:
        assert outcome.streamed == outcomes.vectors[setting.name]["text"]
