"""Following a grammar: where it begins, what it allows and forces, and what goes wrong."""

from __future__ import annotations

import pytest

from server.engine.constraint import Compiled
from server.engine.constraint import Guide
from server.engine.errors import BadGrammar
from server.engine.sizes import MAX_DEPTH
from server.engine.sizes import MAX_LENGTH
from server.engine.sizes import least_length
from server.engine.task import Constraint
from tests.engine.vocabulary import EOS
from tests.engine.vocabulary import Vocabulary

DIGITS = "start: /[0-9]{1,3}/"


def guide(vocabulary: Vocabulary, constraint: Constraint) -> Guide:
    """A fresh one."""
    return Guide(constraint, vocabulary.pieces, EOS, frozenset({EOS}))


def texts(vocabulary: Vocabulary, guide: Guide) -> set[bytes]:
    """What may come next."""
    return {vocabulary.pieces[token] for token in guide.allowed().ids}


def say(vocabulary: Vocabulary, guide: Guide, *pieces: str) -> None:
    """Accept tokens, each given by its text."""
    for piece in pieces:
        guide.accept(vocabulary.token(piece))


def test_a_grammar_holds_from_the_first_token() -> None:
    v = Vocabulary(["12", "1a"])
    g = guide(v, v.compile(DIGITS))
    assert g.is_bound
    assert texts(v, g) == {b"12", *(b"%d" % i for i in range(10))}
    say(v, g, "12")
    assert texts(v, g) == {b"</s>", *(b"%d" % i for i in range(10))}
    say(v, g, "3")
    assert texts(v, g) == {b"</s>"}


def test_what_is_certain_is_forced_to_the_end() -> None:
    v = Vocabulary(["hello", " world"])
    g = guide(v, v.compile('start: "hello world" /[!?]/'))
    forced = g.forced()
    assert [v.pieces[token] for token in forced] == [b"hello", b" world"]
    for token in forced:
        g.accept(token)
    assert g.forced() == []
    say(v, g, "!")
    assert g.forced() == [EOS]
    g.accept(EOS)
    assert g.forced() == []


@pytest.mark.parametrize(
    ("pieces", "rest"),
    [(["</think>"], b""), (["x</th", "ink>1"], b"1"), (["<", "/", "think>12"], b"12")],
)
def test_a_grammar_begins_after_a_text_wherever_tokens_split_it(
    pieces: list[str], rest: bytes
) -> None:
    v = Vocabulary(["</think>", "x</th", "ink>1", "think>12", "12"])
    g = guide(v, v.compile(DIGITS, after=("</think>", "</thought>")))
    for piece in pieces:
        assert not g.is_bound
        assert g.admits(v.token(piece))
        say(v, g, piece)
    assert g.is_bound
    assert (b"</s>" in texts(v, g)) == bool(rest)
    assert (b"12" in texts(v, g)) == (len(rest) < 2)


def test_an_output_does_not_end_before_a_grammar_that_has_to_come() -> None:
    v = Vocabulary(["</think>", "<call>"])
    after = guide(v, v.compile(DIGITS, after=("</think>",)))
    assert after.must_follow
    assert not after.admits(EOS)
    say(v, after, "</think>")
    assert not after.must_follow
    at_will = guide(v, v.compile('start: "<call>"', after=("</think>",), triggers=("<call>",)))
    assert not at_will.must_follow


def test_a_token_that_begins_a_grammar_with_what_it_forbids_is_not_admitted() -> None:
    v = Vocabulary(["</think>a", "</think>1"])
    g = guide(v, v.compile(DIGITS, after=("</think>",)))
    assert not g.admits(v.token("</think>a"))
    assert g.admits(v.token("</think>1"))
    assert not g.is_bound


def test_a_trigger_is_part_of_the_grammar() -> None:
    v = Vocabulary(["<call>", "hi <ca", "ll>7"])
    g = guide(v, v.compile('start: "<call>" /[0-9]+/ "</call>"', triggers=("<call>",)))
    say(v, g, "a", "hi <ca")
    assert not g.is_bound
    say(v, g, "ll>7")
    assert g.is_bound
    assert texts(v, g) == {b"<", *(b"%d" % i for i in range(10))}


def test_triggers_before_the_end_of_a_text_that_comes_first_do_not_count() -> None:
    v = Vocabulary(["</think><call>"])
    c = v.compile('start: "<call>" /[0-9]/', after=("</think>",), triggers=("<call>",))
    g = guide(v, c)
    say(v, g, *"<call>")
    assert not g.is_bound
    say(v, g, "</think><call>")
    assert g.is_bound


def test_the_first_of_several_triggers_counts() -> None:
    v = Vocabulary(["x[[y{{"])
    g = guide(v, v.compile('start: "[[" /.*/ | "{{" /[0-9]/', triggers=("{{", "[[")))
    say(v, g, "x[[y{{")
    assert g.is_bound
    assert b"a" in texts(v, g)


def test_control_tokens_are_text_if_they_are_preserved() -> None:
    v = Vocabulary(control=["<call>"])
    token = v.token("<call>")
    lark = 'start: "<call>" /[0-9]/'
    assert token not in guide(v, v.compile(lark)).allowed()
    g = guide(v, v.compile(lark, preserved=frozenset({token})))
    assert g.forced() == [token]


def test_control_tokens_trigger_without_being_preserved() -> None:
    v = Vocabulary(control=["<call>"])
    g = guide(v, v.compile('start: "<call>" /[0-9]/', triggers=("<call>",)))
    say(v, g, "<call>")
    assert g.is_bound
    assert texts(v, g) == {b"%d" % i for i in range(10)}


def test_two_requests_follow_one_grammar_independently() -> None:
    v = Vocabulary()
    c = v.compile(DIGITS)
    a, b = guide(v, c), guide(v, c)
    say(v, a, *"123")
    assert texts(v, a) == {b"</s>"}
    assert b"</s>" not in texts(v, b)


def test_tokens_that_are_not_allowed_are_an_error() -> None:
    v = Vocabulary()
    g = guide(v, v.compile(DIGITS))
    assert not g.can_accept([ord("1"), ord("a")])
    assert g.can_accept([ord("1"), ord("2")])
    with pytest.raises(BadGrammar):
        g.accept(ord("a"))


@pytest.mark.parametrize(
    "lark",
    [
        "",
        "start: nowhere",
        "start: /[/",
        'start: "a',
        'start: %json {"type": "nothing"}',
        "start: /(?=a)a/",
        "start: " + "(" * (MAX_DEPTH + 1) + '"a"' + ")" * (MAX_DEPTH + 1),
        "start: /" + "(" * 100_000 + "a" + ")" * 100_000 + "/",
        "start: " + '"a" ' * (MAX_LENGTH // 4),
        "start: /((((((a{1000}){1000}){1000}){1000}){1000}){1000})/",
        'start: (((("a"{1000}){1000}){1000}){1000})',
        "start: /[xy](a{1000}){1000}/",
        'start: /[xy]/ "a"~1000000',
    ],
    ids=range(13),
)
def test_a_grammar_that_is_none_or_too_much_is_refused(lark: str) -> None:
    v = Vocabulary()
    with pytest.raises(BadGrammar) as error:
        guide(v, v.compile(lark)).allowed()
    assert str(error.value).startswith("grammar: ")
    assert "\n" not in str(error.value)


def test_what_other_requests_taught_the_lexer_ends_no_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("server.engine.constraint.MAX_LEXER_STATES", 100)
    v = Vocabulary()
    c = v.compile("start: /[a-z]{1,40}(foo|bar|[a-z]{3}x)[0-9]{1,80}/")
    words = ["".join(chr(ord("a") + (first + i) % 26) for i in range(20)) for first in range(26)]
    for word in words:
        g = guide(v, c)
        for letter in word:
            assert letter.encode() in texts(v, g)
            say(v, g, letter)
    assert isinstance(c.compiled, Compiled)
    shared = v.compile("start: /[a-z]{1,40}(foo|bar|[a-z]{3}x)[0-9]{1,80}(?:)/").compiled
    assert isinstance(shared, Compiled)
    matchers = [shared.matcher() for _ in words]
    for matcher, word in zip(matchers, words, strict=True):
        for letter in word:
            matcher.compute_bitmask()
            matcher.consume_token(ord(letter))
    assert any(matcher.is_error() for matcher in matchers)  # so the limit was met above


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("abc", 3),
        ("a{4}", 4),
        ("(ab){3}c", 7),
        ("((ab){3}c){2}", 14),
        (r"\({3}", 3),
        ("a{0,9}b", 1),
    ],
)
def test_the_least_length_counts_repetitions(text: str, length: int) -> None:
    assert least_length(text) == length
