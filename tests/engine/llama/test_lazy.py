"""Lazy grammars in GBNF on the tiny model: where they hold, and what can't begin them."""

from __future__ import annotations

import random
import re

import pytest

from server.engine.task import Failed
from server.engine.task import Reasoning
from server.engine.task import SamplingParams
from server.engine.task import Trigger
from server.engine.task import TriggerKind
from tests.engine.conftest import Bench
from tests.engine.llama.conftest import Load

pytestmark = pytest.mark.model

N_PREDICT = 24


class Writer:
    """A model that goes on with one prompt, greedily."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.tokenize = bench.runner.tokenizer.tokenize
        self.prompt = self.tokenize("Hello", add_special=True, parse_special=False)
        self.free = self.say()

    def say(self, grammar: str = "", *triggers: Trigger, **more: object) -> str:
        """What it says under a lazy grammar."""
        lazy = {"grammar": grammar, "triggers": triggers} if grammar else {}
        params = SamplingParams(temperature=0.0, **lazy, **more)  # type: ignore[arg-type]
        return self.bench.generate(self.prompt, n_predict=N_PREDICT, sampling=params).text


@pytest.fixture
def writer(load: Load) -> Writer:
    return Writer(Bench(load("-np", "2")))  # type: ignore[arg-type]


def word(text: str) -> Trigger:
    return Trigger(TriggerKind.WORD, text)


def expression(text: str) -> Trigger:
    return Trigger(TriggerKind.PATTERN, text)


def literal(text: str) -> str:
    return '"' + "".join(f"\\U{ord(character):08X}" for character in text) + '"'


@pytest.mark.parametrize("place", range(1, 16, 2))
def test_a_grammar_holds_from_its_trigger_on(writer: Writer, place: int) -> None:
    trigger = writer.free[place : place + 3]
    place = writer.free.index(trigger)
    grammar = f'root ::= {literal(trigger)} "xyz"'
    for said in (
        writer.say(grammar, word(trigger)),
        writer.say(grammar, expression(re.escape(trigger))),
        writer.say(grammar, expression(rf"^[\s\S]*?({re.escape(trigger)})")),
    ):
        # where a token goes on after the trigger with what is forbidden, another comes instead
        assert said == writer.free[:place] + trigger + "xyz" or trigger not in said
        assert said.startswith(writer.free[: max(0, place - 3)])


def test_a_grammar_may_begin_in_the_middle_of_a_token(writer: Writer) -> None:
    pieces = writer.bench.runner.tokenizer.pieces
    tokens = writer.tokenize(writer.free, add_special=False, parse_special=False)
    long = next(pieces[token].decode() for token in tokens if len(pieces[token].strip()) > 1)
    rest = long[-1]
    said = writer.say(
        f"root ::= {literal(rest)} [xyz]+", expression(re.escape(long[:-1]) + f"({rest})")
    )
    before, _, after = said.partition(long)
    assert writer.free.startswith(before + long)
    assert re.fullmatch("[xyz]+", after)


def test_a_token_begins_a_grammar(writer: Writer) -> None:
    pieces = writer.bench.runner.tokenizer.pieces
    token = writer.tokenize(writer.free, add_special=False, parse_special=False)[-6]
    text = pieces[token].decode()
    said = writer.say(f"root ::= {literal(text)} [xyz]+", Trigger(TriggerKind.TOKEN, text, token))
    place = writer.free.index(text)
    assert said.startswith(writer.free[:place] + text)
    assert re.fullmatch("[xyz]+", said[place + len(text) :])


def test_text_that_a_grammar_forbids_at_its_trigger_does_not_come(writer: Writer) -> None:
    trigger = writer.free[4:6]
    said = writer.say('root ::= "no"', word(trigger))
    assert trigger not in said
    assert len(said) >= N_PREDICT


def test_without_triggers_a_grammar_never_holds(writer: Writer) -> None:
    assert writer.say('root ::= "no"', word("never")) == writer.free
    params = SamplingParams(temperature=0.0, grammar='root ::= "no"', triggers=())
    said = writer.bench.generate(writer.prompt, n_predict=N_PREDICT, sampling=params).text
    assert said == writer.free


def test_thoughts_have_no_triggers(writer: Writer) -> None:
    first, second = writer.free[3:5], writer.free[12:14]
    thoughts = Reasoning("", (writer.free[8:11],), (), is_open=True)
    grammar = f"root ::= {literal(first)} [xyz]+ | {literal(second)} [xyz]+"
    said = writer.say(grammar, word(first), word(second), reasoning=thoughts)
    assert said.startswith(writer.free[:11])


@pytest.mark.parametrize("seed", range(4))
def test_nothing_that_a_request_says_ends_the_process(writer: Writer, seed: int) -> None:
    chooser = random.Random(seed)
    tokenizer = writer.bench.runner.tokenizer
    for _ in range(12):
        place = chooser.randrange(12)
        text = writer.free[place : place + chooser.randrange(1, 5)]
        body = "".join(chooser.choice("ab@]e ") for _ in range(3))
        root = chooser.choice([text, text[:-1], text + "!", "é" + text, body])
        triggers = (
            word(text),
            word(body),
            expression(re.escape(text)),
            expression(".*?"),
            expression(""),
            Trigger(TriggerKind.PATTERN_FULL, r"[\s\S]*"),
            Trigger(TriggerKind.TOKEN, "", chooser.randrange(tokenizer.n_vocab)),
        )
        trigger = chooser.choice(triggers)
        writer.say(f"root ::= {literal(root)} [a-z]*", trigger, n_probs=chooser.choice([0, 2]))


@pytest.mark.parametrize("grammar", ["root ::= (", 'leaf ::= "a"'])
def test_a_lazy_grammar_that_is_none_is_refused_at_once(writer: Writer, grammar: str) -> None:
    params = SamplingParams(grammar=grammar, triggers=(word("a"),))
    task = writer.bench.submit(writer.prompt, sampling=params)
    writer.bench.run()
    failed = writer.bench.last(task)
    assert isinstance(failed, Failed)
    assert "grammar" in failed.message
