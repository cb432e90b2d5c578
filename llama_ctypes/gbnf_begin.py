"""In how many ways the rules of a GBNF grammar begin: libllama follows each of them.

Before every character it expands all rules that may come next, to the end of each way. Rules that
may be empty multiply these: `a ::= b{0,99}`, `b ::= c{0,99}`, `c ::= "x"?` begin in a million ways.
It refuses left recursion only where a rule is plainly empty, and expands any other for ever.
Ways that grow with the text, as those of `a ::= "x" a "y" | "x" a "z"` do, are not looked at.
llama.cpp src/llama-grammar.cpp: llama_grammar_advance_stack, llama_grammar_detect_left_recursion

A grammar is read here as far as that takes, and one that does not parse is left to libllama.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from dataclasses import field

from llama_ctypes.errors import GrammarError

MAX_WAYS = 10_000
"""Of one rule. libllama compares each with each: these take half a second."""

MAX_WAYS_TOGETHER = 10_000_000
"""Of all rules, each of a repetition's among them: looking for left recursion walks them all."""

MAX_COUNT = 2000
"""libllama takes a greater second count for any number, and refuses a greater first one."""

SPACE = "[ \t\r\n]*"
COUNTS = (
    rf"\{{{SPACE}(?P<least>[0-9]+){SPACE}"
    rf"(?:(?P<comma>,){SPACE}(?:(?P<most>[0-9]+){SPACE})?)?\}}"
)
TOKEN = re.compile(
    r"(?P<define>::=)|(?P<nothing>\"\"|\[\^?\])"
    r"|(?P<terminal>\"(?:\\.|[^\"\\])+\"?|\[(?:\\.|[^\]\\])*\]?|!?<[^>]*>?|\.)"
    rf"|(?P<name>[a-zA-Z0-9-]+)|(?P<sign>[()|*+?])|{COUNTS}",
    re.DOTALL,
)
SIGNS = {"*": (0, MAX_COUNT + 1), "+": (1, MAX_COUNT + 1), "?": (0, 1)}


@dataclass(slots=True)
class Part:
    """Something in a sequence, and how often it may be there; rule None: characters."""

    rule: str | None
    least: int = 1
    most: int = 1


Sequence = list[Part]


@dataclass(slots=True)
class Rule:
    """What a name stands for."""

    sequences: list[Sequence] = field(default_factory=lambda: [[]])
    may_be_empty: bool = False
    n_ways: int = 0


Rules = dict[str, Rule]


def check(text: str) -> None:
    """GrammarError for rules that begin in too many ways, or with themselves.

    text: without remarks, and with no more rules and repetitions than gbnf.py lets through.
    """
    rules = read(text)
    find_empty(rules)
    n_together = 0
    for group in groups_of(rules):
        _count(rules, group)
        for name in group:
            n_together += rules[name].n_ways
            n_together += sum(_n_written_out(rules, part) for part in parts(rules[name]))
    for rule in rules.values():
        if max(_n_ways_on(rules, sequence) for sequence in rule.sequences) > MAX_WAYS:
            raise GrammarError(
                f"the grammar goes on in more than {MAX_WAYS} ways at some place;"
                " repeat what is never empty"
            )
    if n_together > MAX_WAYS_TOGETHER:
        raise GrammarError("the grammar's rules begin in too many ways; nest fewer repetitions")


def read(text: str) -> Rules:
    """The rules; a group in brackets is one without a name of its own."""
    rules: Rules = {}
    open_rules: list[Rule] = []
    last_name = ""
    for token in TOKEN.finditer(text):
        if token["name"]:
            last_name = token["name"]
        if token["define"]:
            if open_rules and open_rules[-1].sequences[-1]:
                open_rules[-1].sequences[-1].pop()  # it was the name of the next rule
            rules[last_name] = Rule()
            open_rules = [rules[last_name]]
        elif open_rules:
            _read_part(token, rules, open_rules)
    return rules


def _read_part(token: re.Match[str], rules: Rules, open_rules: list[Rule]) -> None:
    sequences = open_rules[-1].sequences
    if token["terminal"]:
        sequences[-1].append(Part(None))
    elif token["name"]:
        sequences[-1].append(Part(token["name"]))
    elif token["sign"] == "(":
        name = f"({len(rules)}"
        sequences[-1].append(Part(name))
        rules[name] = Rule()
        open_rules.append(rules[name])
    elif token["sign"] == ")":
        if len(open_rules) > 1:
            open_rules.pop()
    elif token["sign"] == "|":
        sequences.append([])
    elif sequences[-1] and not token["nothing"]:
        last = sequences[-1][-1]
        if (last.least, last.most) != (1, 1):
            last = _bracket(rules, sequences[-1])
        last.least, last.most = SIGNS[token["sign"]] if token["sign"] else counts(token)


def _bracket(rules: Rules, sequence: Sequence) -> Part:
    """Make the last part a group, which may be repeated again."""
    name = f"({len(rules)}"
    rules[name] = Rule([[sequence.pop()]])
    sequence.append(Part(name))
    return sequence[-1]


def counts(match: re.Match[str]) -> tuple[int, int]:
    """How often something is repeated at least and at most, by a match of COUNTS."""
    least = _count_of(match["least"])
    if not match["comma"]:
        return least, least
    return least, _count_of(match["most"]) if match["most"] else MAX_COUNT + 1


def _count_of(digits: str) -> int:
    """A number, but not more than is told apart."""
    significant = digits.lstrip("0")[: len(str(MAX_COUNT)) + 1]
    return min(int(significant or 0), MAX_COUNT + 1)


def parts(rule: Rule) -> list[Part]:
    """All parts of all of its sequences."""
    return [part for sequence in rule.sequences for part in sequence]


def is_empty(rules: Rules, part: Part) -> bool:
    """Whether a part may be nothing."""
    rule = rules.get(part.rule) if part.rule is not None else None
    return part.least == 0 or (rule is not None and rule.may_be_empty)


def find_empty(rules: Rules) -> None:
    """Set `may_be_empty` of all rules."""
    users: dict[str, list[str]] = {}
    for name, rule in rules.items():
        for part in parts(rule):
            if part.rule is not None:
                users.setdefault(part.rule, []).append(name)
    left = list(rules)
    while left:
        name = left.pop()
        rule = rules[name]
        if not rule.may_be_empty and any(
            all(is_empty(rules, part) for part in sequence) for sequence in rule.sequences
        ):
            rule.may_be_empty = True
            left += users.get(name, [])


def begins(rules: Rules, rule: Rule) -> list[tuple[Part, bool]]:
    """The parts that a rule may begin with, and whether something may follow them in it."""
    found = []
    for sequence in rule.sequences:
        for i, part in enumerate(sequence):
            if part.most:
                found.append((part, i < len(sequence) - 1 or part.most > 1))
            if not is_empty(rules, part):
                break
    return found


def groups_of(rules: Rules) -> list[list[str]]:
    """Rules that begin with each other together, after those that they begin with (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    on_path: set[str] = set()
    path: list[str] = []
    groups: list[list[str]] = []
    for root in rules:
        work = [(root, iter(_next(rules, root)))] if root not in index else []
        while work:
            name, following = work[-1]
            if name not in index:
                index[name] = low[name] = len(index)
                path.append(name)
                on_path.add(name)
            for other in following:
                if other not in index:
                    work.append((other, iter(_next(rules, other))))
                    break
                if other in on_path:
                    low[name] = min(low[name], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    group = [path.pop()]
                    while group[-1] != name:
                        group.append(path.pop())
                    on_path.difference_update(group)
                    groups.append(group)
    return groups


def _next(rules: Rules, name: str) -> list[str]:
    beginnings = begins(rules, rules[name])
    return [part.rule for part, _ in beginnings if part.rule is not None and part.rule in rules]


def _count(rules: Rules, group: list[str]) -> None:
    """Set `n_ways` of rules that begin with each other, those of the others are known."""
    members, n_ways = set(group), 0
    for name in group:
        for part, is_followed in begins(rules, rules[name]):
            if part.rule in members:
                if is_followed:
                    raise GrammarError(f"the grammar's {_called(name)} begins with itself")
                n_ways += 1
            else:
                n_ways += _n_ways(rules, part)
    if n_ways > MAX_WAYS:
        raise GrammarError(
            f"the grammar's {_called(group[0])} begins in more than {MAX_WAYS} ways;"
            " use fewer alternatives, and repeat what is never empty"
        )
    for name in group:
        rules[name].n_ways = n_ways


def _called(name: str) -> str:
    return "group in brackets" if name.startswith("(") else f"rule {name!r}"


def _n_ways_on(rules: Rules, sequence: Sequence) -> int:
    """The most ways in which a sequence goes on behind any of its parts."""
    most = n_ways = 0
    for part in reversed(sequence):
        n_ways = _n_ways(rules, part) + (n_ways if is_empty(rules, part) else 0)
        most = max(most, n_ways)
    return most


def _n_ways(rules: Rules, part: Part) -> int:
    """In how many ways a part begins."""
    rule = rules.get(part.rule) if part.rule is not None else None
    if rule is None:
        return 1
    return (_n_copies(part) if rule.may_be_empty else 1) * (rule.n_ways + 1)


def _n_copies(part: Part) -> int:
    """How often libllama writes a part out; any number of times is a loop behind the least."""
    return part.most if part.most <= MAX_COUNT else part.least + 1


def _n_written_out(rules: Rules, part: Part) -> int:
    """Ways of the rules that a repetition becomes."""
    n_optional = _n_copies(part) - part.least
    rule = rules.get(part.rule) if part.rule is not None else None
    if rule is None:
        return n_optional
    n_each = rule.n_ways + 1
    return n_optional * n_optional * n_each if rule.may_be_empty else n_optional * n_each
