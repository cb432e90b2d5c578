"""Constrained and limited output in the engine, without a model: what is forced, and what fails."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from server.engine.config import EngineConfig
from server.engine.mailbox import EndReasoning
from server.engine.task import Constraint
from server.engine.task import ErrorKind
from server.engine.task import Failed
from server.engine.task import Reasoning
from server.engine.task import ReasoningEnded
from server.engine.task import SamplingParams
from server.engine.task import StopType
from server.engine.task import Token
from server.grammar import json_rule
from tests.engine.conftest import Bench
from tests.fakes import EOS
from tests.fakes import says

MakeBench = Callable[..., Bench]

EXPLODING = "start: x\nx: " + "|".join(['"a"', *(" x" * n for n in range(2, 40))])

FORCED = 'start: "hello, world" /[a-z]{3}/ "."'


def lark(text: str, **more: object) -> SamplingParams:
    """Sampling under a grammar."""
    return SamplingParams(constraint=Constraint(text, **more))  # type: ignore[arg-type]


def thinking(n_tokens: int = -1, **more: object) -> SamplingParams:
    """Sampling with a limit on what stands between <t> and </t>."""
    values: dict[str, object] = {"start": "<t>", "ends": ("</t>", "[end]"), "forced": (*b"!</t>",)}
    return SamplingParams(reasoning=Reasoning(n_tokens=n_tokens, **(values | more)))  # type: ignore[arg-type]


def streamed(bench: Bench, task_id: int) -> str:
    """The text of a stream so far."""
    return "".join(e.text for e in bench.events[task_id] if isinstance(e, Token))


def test_a_schema_makes_any_model_write_a_document(bench: MakeBench) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 4}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    b = bench(n_ctx_slot=128)
    result = b.generate(sampling=lark("start: " + json_rule(schema)), n_predict=60)
    document = json.loads(result.text)
    assert list(document) == ["name", "age"]
    assert result.stop_type is StopType.EOS


def test_what_is_certain_takes_one_batch(bench: MakeBench) -> None:
    b = bench(n_batch=256)
    result = b.generate("hi", sampling=lark(FORCED))
    assert result.text.startswith("hello, world")
    assert len(result.text) == 16
    # the prompt; the first token and what it forces; three letters, the last with the end
    assert b.runner.batches == [2, 12, 1, 1]
    assert result.timings.n_decoded == 17  # with the one that ends, which is never computed


def test_a_batch_takes_no_more_forced_tokens_than_all_slots_have_room_for(bench: MakeBench) -> None:
    b = bench(n_batch=16)  # 4 slots
    tasks = [b.submit("hi", sampling=lark(FORCED)) for _ in range(4)]
    b.run()
    assert all(b.finished(task).text.startswith("hello, world") for task in tasks)
    assert max(b.runner.batches) == 16


def test_forced_tokens_are_streamed_one_by_one(bench: MakeBench) -> None:
    whole = bench(n_batch=256).generate("hi", sampling=lark(FORCED))
    b = bench(n_batch=256)
    task = b.submit("hi", sampling=lark(FORCED), stream=True)
    b.run()
    assert streamed(b, task.id) + b.finished(task).text == whole.text
    assert sum(isinstance(e, Token) for e in b.events[task.id]) == 17


def test_probabilities_want_logits_of_every_token(bench: MakeBench) -> None:
    params = SamplingParams(constraint=Constraint(FORCED), n_probs=1)
    b = bench(n_batch=256)
    result = b.generate("hi", sampling=params)
    assert result.text == bench(n_batch=256).generate("hi", sampling=lark(FORCED)).text
    assert len(result.probs) == 17
    assert set(b.runner.batches[1:]) == {1}


def test_a_stop_string_ends_forced_tokens(bench: MakeBench) -> None:
    result = bench(n_batch=256).generate("hi", sampling=lark(FORCED), stop=("o, w",))
    assert (result.text, result.stop_type) == ("hell", StopType.WORD)


@pytest.mark.parametrize("n_predict", range(1, 18))
def test_a_limit_ends_forced_tokens(bench: MakeBench, n_predict: int) -> None:
    whole = bench(n_batch=256).generate("hi", sampling=lark(FORCED)).text
    result = bench(n_batch=256).generate("hi", sampling=lark(FORCED), n_predict=n_predict)
    assert result.text == whole[:n_predict]
    assert result.timings.n_decoded == n_predict


@pytest.mark.parametrize("n_ctx", range(4, 20))
def test_a_full_context_ends_forced_tokens(bench: MakeBench, n_ctx: int) -> None:
    b = bench(n_ctx_slot=n_ctx, n_batch=256)
    result = b.generate("hi", sampling=lark(FORCED))
    plain = bench(n_ctx_slot=n_ctx).generate("hi")
    assert result.timings.n_decoded == min(plain.timings.n_decoded, 17)


def test_a_context_is_shifted_under_forced_tokens(bench: MakeBench) -> None:
    text = "".join(chr(ord("a") + i % 26) for i in range(40))
    b = bench(config=EngineConfig(context_shift=True), n_ctx_slot=16, n_batch=256)
    result = b.generate("hi", sampling=lark(f'start: "{text}"'))
    assert result.text == text


def test_preempted_requests_go_on_with_their_grammar(bench: MakeBench) -> None:
    params = lark("start: /([a-c]{6}---){4}/")
    alone = [bench(n_batch=256).generate(f"prompt {i}", sampling=params).text for i in range(4)]
    b = bench(n_cells=90, n_batch=256)
    tasks = [b.submit(f"prompt {i}", sampling=params) for i in range(4)]
    b.run()
    assert [b.finished(task).text for task in tasks] == alone
    assert b.engine.slots.stats.n_preempted > 0


def test_completions_of_one_prompt_follow_one_grammar(bench: MakeBench) -> None:
    b = bench(n_batch=256)
    tasks = [b.submit("same prompt", sampling=lark(FORCED)) for _ in range(4)]
    b.run()
    assert len({b.finished(task).text for task in tasks}) == 1


def test_a_grammar_that_is_none_ends_that_request_alone(bench: MakeBench) -> None:
    b = bench()
    good = b.submit(n_predict=8)
    bad = b.submit(sampling=lark("start: nowhere"))
    b.run()
    failed = b.last(bad)
    assert isinstance(failed, Failed)
    assert failed.kind is ErrorKind.INVALID_REQUEST
    assert failed.message.startswith("grammar: ")
    assert len(b.finished(good).text) == 8
    assert b.runner.n_samplers == 0


def test_a_grammar_that_explodes_later_ends_that_request_alone(bench: MakeBench) -> None:
    b = bench(lambda tokens: ord("a"), n_ctx_slot=200, n_cells=1000)
    bomb = b.submit(sampling=lark(EXPLODING), n_predict=190)
    good = b.submit(n_predict=100)
    b.run()
    failed = b.last(bomb)
    assert isinstance(failed, Failed)
    assert failed.kind is ErrorKind.INVALID_REQUEST
    assert len(b.finished(good).text) == 100


def test_a_grammar_that_begins_after_a_text_leaves_the_rest_alone(bench: MakeBench) -> None:
    b = bench(says(b"any thought</t>xyz"), n_batch=256)
    result = b.generate(sampling=lark('start: "42" /x?/', after=("</t>",)))
    assert result.text in ("any thought</t>42x", "any thought</t>42")


def test_a_grammar_that_is_never_triggered_constrains_nothing(bench: MakeBench) -> None:
    b = bench(says(b"no call today"))
    result = b.generate(sampling=lark('start: "<call>" "x"', triggers=("<call>",)))
    assert (result.text, result.stop_type) == ("no call today", StopType.EOS)


def test_a_triggered_grammar_holds_to_the_end(bench: MakeBench) -> None:
    b = bench(says(b"well: <call>anything"), n_batch=256)
    result = b.generate(sampling=lark('start: "<call>" /[0-9]/ "</call>"', triggers=("<call>",)))
    assert result.text == "well: <call>0</call>"
    assert result.stop_type is StopType.EOS


def test_preserved_control_tokens_are_shown(bench: MakeBench) -> None:
    b = bench(lambda tokens: 257 if tokens[-1] != 257 else EOS)  # <s>
    assert b.generate("hi").text == ""
    assert b.generate("hi", preserved_tokens=frozenset({257})).text == "<s>"


# reasoning


def test_reasoning_ends_when_its_tokens_are_spent(bench: MakeBench) -> None:
    b = bench(says(b"<t>one two three</t>four"), n_batch=256)
    result = b.generate("hi", sampling=thinking(5), n_predict=16)
    assert result.text == "<t>one t!</t>ree"
    # the prompt, <t>, five tokens with what they force, then one by one
    assert b.runner.batches[:10] == [2, 1, 1, 1, 1, 1, 1, 1, 6, 1]


def test_reasoning_that_ends_in_time_is_left_alone(bench: MakeBench) -> None:
    b = bench(says(b"<t>one</t>two"))
    assert b.generate("hi", sampling=thinking(20)).text == "<t>one</t>two"
    b = bench(says(b"<t>one[end]two three four"))
    assert b.generate("hi", sampling=thinking(9)).text == "<t>one[end]two three four"


def test_no_reasoning_at_all(bench: MakeBench) -> None:
    b = bench(says(b"xyz"), n_batch=256)
    result = b.generate("hi", sampling=thinking(0, is_open=True), n_predict=8)
    assert result.text.startswith("!</t>")
    assert b.runner.batches[1] == 5


def test_reasoning_that_the_prompt_begins_is_counted(bench: MakeBench) -> None:
    b = bench(says(b"abcdefghijk"), n_batch=256)
    result = b.generate("hi", sampling=thinking(3, is_open=True), n_predict=10)
    assert result.text == "abc!</t>ij"


def test_each_reasoning_has_all_tokens(bench: MakeBench) -> None:
    b = bench(says(b"<t>ab</t>c<t>defghijk"), n_batch=256)
    result = b.generate("hi", sampling=thinking(7), n_predict=25)
    assert result.text == "<t>ab</t>c<t>defghij!</t>"


def test_reasoning_does_not_end_within_a_character(bench: MakeBench) -> None:
    text = "<t>é€x"
    b = bench(says(text.encode()), n_batch=256)
    result = b.generate("hi", sampling=thinking(3), n_predict=13)
    assert result.text == "<t>é€!</t>"


def test_with_probabilities_every_forced_token_has_its_own_batch(bench: MakeBench) -> None:
    b = bench(says(b"<t>one two"), n_batch=256)
    params = SamplingParams(reasoning=thinking(3).reasoning, n_probs=1)
    result = b.generate("hi", sampling=params, n_predict=11)
    assert result.text == "<t>one!</t>"
    assert set(b.runner.batches[1:]) == {1}
    assert len(result.probs) == 11


def test_a_grammar_binds_after_reasoning_that_was_cut_off(bench: MakeBench) -> None:
    b = bench(says(b"<t>one two three four"), n_batch=256)
    reasoning = thinking(4).reasoning
    constraint = Constraint("start: /[0-9]{2}/", after=("</t>",))
    result = b.generate("hi", sampling=SamplingParams(constraint=constraint, reasoning=reasoning))
    assert result.text == "<t>one !</t>00"
    assert result.stop_type is StopType.EOS


def test_reasoning_can_be_ended_while_it_runs(bench: MakeBench) -> None:
    b = bench(says(b"<t>one two three four five"), n_batch=256)
    task = b.submit(sampling=thinking(is_controlled=True), cmpl_id="chat-1", n_predict=20)
    b.tick(8)
    b.mailbox.post(EndReasoning(1000, "chat-1"))
    b.run()
    assert b.events[1000] == [ReasoningEnded(1000, is_done=True)]
    assert "!</t>" in b.finished(task).text
    assert b.finished(task).text.startswith("<t>one")


def test_only_reasoning_that_may_be_ended_is_ended(bench: MakeBench) -> None:
    b = bench(says(b"<t>one two three four five"))
    task = b.submit(sampling=thinking(50), cmpl_id="chat-1", n_predict=20)
    b.tick(8)
    b.mailbox.post(EndReasoning(1000, "chat-1"))
    b.mailbox.post(EndReasoning(1001, "chat-2"))
    b.run()
    first, second = b.events[1000][0], b.events[1001][0]
    assert isinstance(first, ReasoningEnded) and isinstance(second, ReasoningEnded)
    assert (first.is_done, first.message) == (
        False,
        "reasoning control not enabled for this completion",
    )
    assert (second.is_done, second.message) == (False, "no active completion for this id")
    assert b.finished(task).text == "<t>one two three four five"[:20]
