"""GBNF grammars, alone and in chains."""

from __future__ import annotations

import pytest

from llama_ctypes import gbnf
from llama_ctypes import samplers
from llama_ctypes.context import Context
from llama_ctypes.errors import GrammarError
from llama_ctypes.errors import TokenError
from llama_ctypes.vocab import Vocab
from tests.binding.conftest import chain_of
from tests.tiny_models import tiny_vocab


def letter(text: str) -> int:
    return tiny_vocab().tokens.index(text)


def test_grammar_forces_its_text(vocab: Vocab, decoded: Context) -> None:
    chain = chain_of(samplers.grammar(vocab, 'root ::= "the" "b"'), samplers.greedy())
    text = b""
    while not vocab.is_eog(token := chain.sample(decoded, -1)):
        text += vocab.token_to_piece(token)
    assert text == b"theb"


def test_forbidden_token_is_not_accepted(vocab: Vocab) -> None:
    grammar = samplers.grammar(vocab, 'root ::= "b"')
    for forbidden in (letter("x"), vocab.eos):
        assert forbidden is not None
        with pytest.raises(GrammarError, match="does not allow token"):
            grammar.accept(forbidden)
    grammar.accept(letter("b"))
    grammar.accept(vocab.eos or 0)


def test_forbidden_token_is_not_accepted_by_a_chain(vocab: Vocab) -> None:
    chain = chain_of(samplers.grammar(vocab, 'root ::= "b"'), samplers.greedy())
    for each in (chain, chain.clone()):
        with pytest.raises(GrammarError):
            each.accept(letter("x"))


def test_token_outside_the_vocabulary_is_not_accepted(vocab: Vocab) -> None:
    with pytest.raises(TokenError, match="not in the vocabulary"):
        samplers.grammar(vocab, 'root ::= "b"').accept(100_000)


def test_nothing_left_by_a_grammar_is_an_error(vocab: Vocab, decoded: Context) -> None:
    ban = samplers.logit_bias(vocab.n_tokens, dict.fromkeys(range(vocab.n_tokens), float("-inf")))
    chain = chain_of(ban, samplers.grammar(vocab, 'root ::= "b"'), samplers.dist(1))
    with pytest.raises(GrammarError, match="allows none of the candidates"):
        chain.sample(decoded, -1)


@pytest.mark.parametrize("text", ["root ::= (", "root ::= nosuchrule", 'other ::= "a"'])
def test_grammar_that_does_not_parse_is_an_error(vocab: Vocab, text: str) -> None:
    with pytest.raises(GrammarError, match="does not parse, or has no rule 'root'"):
        samplers.grammar(vocab, text)


def test_empty_grammar_allows_all(vocab: Vocab) -> None:
    samplers.grammar(vocab, "").accept(letter("x"))


def test_lazy_grammar_waits_for_its_trigger(vocab: Vocab) -> None:
    trigger, free, bound = letter("!"), letter("x"), letter("b")
    grammar = samplers.grammar_lazy_patterns(vocab, 'root ::= "!" "b"', "root", [], [trigger])
    grammar.accept(free)
    grammar.accept(trigger)
    with pytest.raises(GrammarError):
        grammar.accept(free)
    grammar.accept(bound)


def test_lazy_grammar_waits_for_its_pattern(vocab: Vocab) -> None:
    grammar = samplers.grammar_lazy_patterns(
        vocab, 'root ::= "!" "b"', "root", [r"[\s\S]*?(!)[\s\S]*"]
    )
    grammar.accept(letter("x"))
    grammar.accept(letter("!"))
    with pytest.raises(GrammarError):
        grammar.accept(letter("x"))


@pytest.mark.parametrize(
    "text",
    [
        "root ::= " + "(" * 100_000 + '"a"' + ")" * 100_000,
        "\n".join(f"r{i} ::= r{i + 1}" for i in range(100_000)) + '\nroot ::= r0\nr100000 ::= "a"',
    ],
    ids=["nested", "chained"],
)
def test_a_grammar_that_would_overflow_the_stack_is_refused(vocab: Vocab, text: str) -> None:
    with pytest.raises(GrammarError, match=r"500 levels|10000 rules"):
        samplers.grammar(vocab, text)


@pytest.mark.parametrize(
    "rule",
    [
        '"a"{2,1}',
        '"a"{2,0}',
        '("a" #{2,3}\n){ #}\n 02 , 000001 }',
        '<[5]> !<"> "]"{2,1} "',
    ],
)
def test_counts_in_the_wrong_order_are_refused(vocab: Vocab, rule: str) -> None:
    with pytest.raises(GrammarError, match=r"from 2 to [01] times"):
        samplers.grammar(vocab, f"root ::= {rule}")


def test_only_so_much_is_looked_at_while_others_wait(vocab: Vocab) -> None:
    n_rules = gbnf.MAX_PIECES // 50
    rules = "".join(f"\nr{i} ::= {'root ' * 49}" for i in range(n_rules - 1))
    samplers.grammar(vocab, f'root ::= "a"{rules}').close()
    with pytest.raises(GrammarError, match="more than 50000 texts"):
        samplers.grammar(vocab, f'root ::= "a"{rules}\nlast ::= {"root " * 50}')


@pytest.mark.parametrize(
    "rule",
    [
        '"' + "a" * 10_000 + '"{2000}',
        "[" + "a" * 10_000 + "]{0,2000}",
        '"' + "a" * 10_000 + '"' + "+" * 10_000,
        '"a"{0,2000} ' * 100,
        ('"' + "a" * 100 + '"{500}{4} ') * 10,
    ],
    ids=["of-a-text", "of-characters", "signs", "optional", "of-repetitions"],
)
def test_repetitions_that_would_take_all_memory_are_refused(vocab: Vocab, rule: str) -> None:
    with pytest.raises(GrammarError, match="repeats too much"):
        samplers.grammar(vocab, f"root ::= {rule}")


@pytest.mark.parametrize(
    "rule",
    [
        '"{2,1}"',
        '[{2,1}] "\\"{2,1}" #{2,1}',
        '"a"{2} "a"{1,2}',
        '"a"{0,0} "b"{3,} "c"{0,99999}',
        '"a long text" ([a-z] "b"){0,1999}',
        '[^"\\\\]{0,2000} ' * 19,
    ],
)
def test_other_repetitions_are_taken(vocab: Vocab, rule: str) -> None:
    samplers.grammar(vocab, f"root ::= {rule}")


def test_what_libllama_would_not_read_is_refused(vocab: Vocab) -> None:
    with pytest.raises(GrammarError, match="NUL"):
        samplers.grammar(vocab, 'root ::= a\na ::= a? "x"\0\nroot ::= "x"')


@pytest.mark.parametrize(
    "end",
    [
        *("{" + "1" * 200_000, "{1" + " " * 200_000, "{1," + " " * 200_000),
        *("<" * 200_000, "[" * 200_000, " [\\" * 100_000, ' "\\' * 45_000),
    ],
)
def test_what_does_not_end_is_looked_through_once(vocab: Vocab, end: str) -> None:
    with pytest.raises(GrammarError, match="does not parse"):  # squares of these take minutes
        samplers.grammar(vocab, 'root ::= "a"' + end + "x")


def nested(n: int, part: str, end: str) -> str:
    """n rules, each of which is two of the next or none."""
    rules = [f"r{i} ::= {part.replace('x', f'r{i + 1}')}" for i in range(n)]
    return "\n".join(["root ::= r0", *rules, f"r{n} ::= {end}"])


@pytest.mark.parametrize(
    "text",
    [
        nested(2, "x{0,1999}", '""'),
        nested(5, "x{0,1999}", '"a"?'),
        nested(20, "x? x?", '"a"'),
        nested(20, "x | x", '"a"'),
        "root ::= " + "(" * 12 + '"a"?' + "){4}" * 12,
        "root ::= " + "(" * 20 + '"a"?' + ")+" * 20,
        nested(2, "x{300,}", '"a"?'),
        nested(2, "x{500}*", '"a"?'),
        'root ::= "x" ' + "a " * 200 + '\na ::= b{0,99}\nb ::= "y"?',
    ],
)
def test_rules_that_begin_in_too_many_ways_are_refused(vocab: Vocab, text: str) -> None:
    with pytest.raises(GrammarError, match=r"(begins?|goes on) in (more than \d+|too many) ways"):
        samplers.grammar(vocab, text)


@pytest.mark.parametrize(
    "text",
    [
        'root ::= a\na ::= b a "x" | "y"\nb ::= c\nc ::= ""',
        'root ::= a{2}\na ::= ("-"? a) "x" | "y"',
        'root ::= m root "x" | "y"\nm ::= n n\nn ::= []',
        'root ::= m root "x" | "y"\nm ::= n n\nn ::= [^]',
        'root ::= "a" b # b ::= "b"\nb ::= c "]" | d\nc ::= d\nd ::= e* b? b\ne ::= "e"',
    ],
)
def test_a_rule_that_begins_with_itself_behind_others_is_refused(vocab: Vocab, text: str) -> None:
    with pytest.raises(GrammarError, match="begins with itself"):
        samplers.grammar(vocab, text)


@pytest.mark.parametrize(
    "text",
    [
        nested(1, "x{0,99}", '"a"?'),
        nested(6, "x? x?", '"a"?'),
        nested(2000, "x", '"a"'),
        'root ::= (x?)* "e"\nx ::= "a"',
        'root ::= ("a"? "b"*)+ "::=" [)"|] x\nx ::= "(" root ")" | ""',
        "root ::= w+\nw ::= " + " | ".join(f'"w{i}"' for i in range(2000)),
        "root ::= " + "(" * 300 + '"a"?' + ")?" * 300,
        'root ::= root{0} "x"',
        'root ::= "a" # ' + "(" * 501,
        'root ::= "' + "(" * 501 + '" ' + '"::=" ' * 10_001,
    ],
)
def test_rules_that_begin_in_many_ways_are_taken(vocab: Vocab, text: str) -> None:
    samplers.grammar(vocab, text)


def test_a_grammar_may_nest_as_deep_as_is_allowed(vocab: Vocab) -> None:
    samplers.grammar(vocab, "root ::= " + "(" * 500 + '"a"' + ")" * 500)
