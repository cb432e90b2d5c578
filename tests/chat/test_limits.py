"""Templates that never end, or that make much out of little, are stopped."""

from __future__ import annotations

import time
from datetime import datetime
from datetime import timezone
from itertools import count

import pytest

from server.chat.errors import Unbounded
from server.chat.limits import SECONDS
from server.chat.limits import SLICE_S
from server.chat.limits import TICKS
from server.chat.limits import Allowance
from server.chat.limits import Exceeded
from server.chat.template import ChatTemplate

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)

GROWS = "{% set n = namespace(x='ab') %}{% for i in range(99999) %}BODY{% endfor %}"
ENDLESS = {
    "loops in loops": (
        "{% for i in range(99999) %}{% for j in range(99999) %}{% for k in range(99999) %}"
        "{% endfor %}{% endfor %}{% endfor %}"
    ),
    "empty passes": "{% for i in range(99999) %}{% for j in range(99999) if false %}{% endfor %}"
    "{% endfor %}",
    "macros that call themselves twice": (
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}"
    ),
    "a recursive loop": (
        "{% set n = namespace(x=[[], []]) %}{% for i in range(40) %}{% set n.x = [n.x, n.x] %}"
        "{% endfor %}{% for a in n.x recursive %}{{ loop(a) }}{% endfor %}"
    ),
}
GREEDY = {
    "~": GROWS.replace("BODY", "{% set n.x = n.x ~ n.x %}"),
    "+": GROWS.replace("BODY", "{% set n.x = n.x + n.x %}"),
    "text and null": GROWS.replace("BODY", "{% set n.x = n.x + none + n.x %}"),
    "set": GROWS.replace("BODY", "{% set y %}{{ n.x }}{{ n.x }}{% endset %}{% set n.x = y %}"),
    "macro": "{% macro f(x) %}{{ x }}{{ x }}{% endmacro %}"
    + GROWS.replace("BODY", "{% set n.x = f(n.x) %}"),
    "replace": GROWS.replace("BODY", "{% set n.x = n.x | replace('a', n.x) %}"),
    ".replace()": GROWS.replace("BODY", "{% set n.x = n.x.replace('a', n.x) %}"),
    "join": GROWS.replace("BODY", "{% set n.x = [n.x, n.x] | join(n.x) %}"),
    ".join()": GROWS.replace("BODY", "{% set n.x = n.x.join([n.x, n.x]) %}"),
    "join of characters": GROWS.replace("BODY", "{% set n.x = n.x | join(n.x) %}"),
    "indent": GROWS.replace("BODY", "{% set n.x = ((n.x ~ '\n') * 9) | indent(99, true, true) %}"),
    "output": GROWS.replace("BODY", "{{ 'abcdefgh' * 9999 }}"),
    "kept texts": "{% set x = [] %}" + GROWS.replace("BODY", "{{ x.append('abcd' * 9999) }}"),
    "lists": "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = n.x + n.x %}"
    "{% endfor %}",
    "tuples": "{% set n = namespace(x=(1,)) %}{% for i in range(60) %}{% set n.x = n.x + n.x %}"
    "{% endfor %}",
    "letters of a text": "{{ ('ab' * 9999 ~ 'ab' * 99999) | list | length }}",
    "parts of a text": "{{ ('a,' * 50000 ~ 'a,' * 50001).split(',') | length }}",
    "a list that holds itself often, printed": (
        "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}"
        "{% endfor %}{{ n.x }}"
    ),
    "a list that holds itself often, as JSON": (
        "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}"
        "{% endfor %}{{ n.x | tojson }}"
    ),
    "a list that holds itself often, as text": (
        "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}"
        "{% endfor %}{{ n.x | string | length }}"
    ),
    "indented JSON": "{{ [1] | tojson(indent=999999999) }}",
    "a wide indent": "{{ 'a' | indent(999999999) }}",
    "a wide format": "{{ '%999999999d' | format(1) }}",
    "a format as wide as a value": "{{ '%*d' | format(999999999, 1) }}",
    "a wide .format()": "{{ '{:999999999}'.format(1) }}",
    "a .format() as wide as a value": "{{ '{:{}}'.format(1, 999999999) }}",
    "a wide time": "{{ strftime_now('%999999999Y') }}",
    "numbers": "{% set n = namespace(x=3) %}{% for i in range(60) %}{% set n.x = n.x * n.x %}"
    "{% endfor %}",
    "powers": "{{ ((9 ** 60) ** 60) ** 60 }}",
}
KEPT = "{% set x = [] %}{% set y = 'a' * 99999 %}{% for i in range(99999) %}{{ x.append(BODY) }}"
KEPT += "{% endfor %}"
GREEDY |= {
    "kept capitals": KEPT.replace("BODY", "(y ~ i).upper()"),
    "kept lists": KEPT.replace("BODY", "[i] * 99999"),
    "kept numbers": KEPT.replace("BODY", "range(99999) | list"),
    "kept slices": KEPT.replace("BODY", "y[1:]"),
    "kept parts": KEPT.replace("BODY", "(y ~ ',').partition(',')"),
    "kept reversed texts": KEPT.replace("BODY", "y | reverse"),
    "a text for each of many": "{{ (['a' * 99999 ~ 'b'] * 99999) | map('upper') | list | length }}",
    "a sum of lists": "{{ ([range(99999) | list] * 1000) | sum(start=[]) | length }}",
    "a format that shows a value often": "{{ ('{0}' * 9999).format('a' * 99999) }}",
    "a % that shows a value often": "{{ ('%(a)s' * 9999) | format(a='a' * 99999) }}",
    "many digits": "{{ ('f' * 99999) | int(base=16) }}",
}
TWINS = (
    "{% set n = namespace(x=(1,), y=(1,)) %}{% for i in range(60) %}{% set n.x = (n.x, n.x) %}"
    "{% set n.y = (n.y, n.y) %}{% endfor %}"
)
"""Two values that are equal, which takes for ever to see."""
COMPARED = {
    "==": "{{ n.x == n.y }}",
    "in": "{{ n.x in [n.y] }}",
    "a test": "{{ [n.x] | select('eq', n.y) }}",
    "sort": "{{ [{'a': n.x}, {'a': n.y}] | sort(attribute='a') }}",
    "index": "{{ [n.x].index(n.y) }}",
    "a key": "{{ {n.x: 1} }}",
    "get": "{{ {1: 1}.get(n.x) }}",
    "texts that begin alike": (
        "{{ (['a' * 99999 ~ 'b', 'a' * 99999 ~ 'c'] * 50000) | sort | length }}"
    ),
}


@pytest.mark.parametrize("source", COMPARED.values(), ids=COMPARED)
def test_what_takes_for_ever_to_compare_is_not_compared(source: str) -> None:
    with pytest.raises(Unbounded, match="compares too many"):
        ChatTemplate(TWINS + source).render({}, NOW)


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
def test_a_template_that_never_ends_is_stopped(source: str) -> None:
    with pytest.raises(Unbounded, match="too long"):
        ChatTemplate(source).render({}, NOW)


@pytest.mark.parametrize("source", GREEDY.values(), ids=GREEDY)
def test_a_template_that_makes_much_out_of_little_is_stopped(source: str) -> None:
    with pytest.raises(Unbounded):
        ChatTemplate(source).render({}, NOW)


@pytest.mark.parametrize(
    "source", ["{{ 'a' | center(9) }}", "{{ [1] | batch(9) }}", "{{ lipsum() }}"]
)
def test_what_no_template_needs_is_not_there(source: str) -> None:
    with pytest.raises(Exception, match=r"center|batch|lipsum"):
        ChatTemplate(source).render({}, NOW)


def test_a_long_conversation_is_well_within_the_limits() -> None:
    source = (
        "{% set n = namespace(x='') %}{% for m in messages %}{% set n.x = n.x ~ m.role ~ '\n' ~ "
        "m.content | trim ~ '\n' %}{% endfor %}{{ n.x }}{{ messages | tojson }}"
    )
    messages = [{"role": "user", "content": "word " * 100} for _ in range(1000)]
    text = ChatTemplate(source).render({"messages": messages}, NOW)
    assert len(text) > 1_000_000


def test_a_rendering_pauses_after_each_slice_and_pauses_do_not_count() -> None:
    times = count(0.0, 2 * SLICE_S)
    pauses: list[None] = []
    allowance = Allowance(lambda: pauses.append(None), clock=lambda: next(times))
    for _ in range(10 * TICKS):
        allowance.tick()
    assert len(pauses) == 10


def test_time_is_up_after_many_slices() -> None:
    times = count(0.0, 2 * SLICE_S)
    allowance = Allowance(clock=lambda: next(times))
    n = 0
    with pytest.raises(Exceeded, match="too long"):
        while True:
            allowance.check_time()
            n += 1
    assert n == pytest.approx(SECONDS / (2 * SLICE_S), abs=2)


def test_trying_a_template_out_is_limited_too() -> None:
    begin = time.thread_time()
    with pytest.raises(Unbounded):
        ChatTemplate(ENDLESS["loops in loops"]).caps  # noqa: B018
    assert time.thread_time() - begin < 5 * SECONDS
