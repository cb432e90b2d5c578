"""Rows of the request table: how the next token is chosen."""

from __future__ import annotations

from server.schema.field import FLOAT_MAX
from server.schema.field import INT32_MAX
from server.schema.field import Field
from server.schema.field import Into
from server.schema.field import Kind
from server.schema.field import Limits
from server.schema.field import Parser
from server.schema.field import Section
from server.schema.parsers import parse_dry_base
from server.schema.parsers import parse_dry_breakers
from server.schema.parsers import parse_logit_bias
from server.schema.parsers import parse_samplers
from server.schema.parsers import parse_seed
from server.schema.rows_request import STRING_OR_STRINGS
from server.schema.rows_request import STRINGS

COUNT = (0, INT32_MAX)
UNIT = (0.0, 1.0)
BIASES: dict[str, object] = {
    "anyOf": [
        {"type": "array", "items": {"type": "array", "minItems": 2, "maxItems": 2}},
        {"type": "object", "additionalProperties": {"type": ["number", "boolean"]}},
    ]
}


def integer(
    name: str,
    help: str,
    *,
    soft: Limits | None = None,
    hard: Limits | None = None,
    parse: Parser | None = None,
) -> Field:
    """A row of a sampling parameter that is an integer."""
    return Field(
        name,
        Kind.INT,
        help,
        Section.SAMPLING,
        soft=soft,
        hard=hard,
        into=Into.SAMPLING,
        parse=parse,
    )


def number(
    name: str,
    help: str,
    *,
    soft: Limits | None = None,
    hard: Limits | None = None,
    parse: Parser | None = None,
) -> Field:
    """A row of a sampling parameter that is a float."""
    return Field(
        name,
        Kind.FLOAT,
        help,
        Section.SAMPLING,
        soft=soft,
        hard=hard,
        into=Into.SAMPLING,
        parse=parse,
    )


def listing(name: str, help: str, *, parse: Parser, form: dict[str, object]) -> Field:
    """A row of a sampling parameter with a form of its own."""
    return Field(
        name, Kind.JSON, help, Section.SAMPLING, into=Into.SAMPLING, parse=parse, form=form
    )


ROWS = (
    integer("seed", "Start of the random numbers (-1 = a random one).", parse=parse_seed),
    number("temperature", "Flatness of the distribution (0 = greedy).", soft=(0.0, FLOAT_MAX)),
    number("dynatemp_range", "Let the temperature move by this much up and down (0 = off)."),
    number("dynatemp_exponent", "How entropy becomes temperature in that range."),
    integer("top_k", "Keep the K most likely tokens (0 = all).", soft=COUNT),
    number("top_p", "Keep the most likely tokens whose sum exceeds P (1 = all).", soft=UNIT),
    number("min_p", "Keep tokens at least P times as likely as the best (0 = all).", soft=UNIT),
    number(
        "top_n_sigma", "Keep tokens within N standard deviations of the best logit (< 0 = all)."
    ),
    number("xtc_probability", "How often XTC removes the most likely tokens (0 = off).", soft=UNIT),
    number("xtc_threshold", "What is likely enough for XTC (> 0.5 = off).", soft=UNIT),
    number("typical_p", "Locally typical sampling with mass P (1 = off)."),
    integer("repeat_last_n", "How many of the last tokens are penalised (0 = off).", hard=COUNT),
    number("repeat_penalty", "Factor against tokens that occurred (1 = off)."),
    number("presence_penalty", "Amount off the logit of tokens that occurred (0 = off)."),
    number("frequency_penalty", "Amount off the logit for each occurrence (0 = off)."),
    number("dry_multiplier", "Strength of the DRY penalty on repeated sequences (0 = off)."),
    number("dry_base", "Growth of the DRY penalty; below 1 = the default.", parse=parse_dry_base),
    integer("dry_allowed_length", "Longest repetition that DRY lets pass.", hard=COUNT),
    integer(
        "dry_penalty_last_n", "How many of the last tokens DRY looks at (0 = off).", hard=COUNT
    ),
    listing(
        "dry_sequence_breakers",
        "Texts over which DRY sees no repetition.",
        parse=parse_dry_breakers,
        form=STRINGS | {"minItems": 1},
    ),
    integer("mirostat", "0 = off, 1 = Mirostat, 2 = Mirostat 2.0.", soft=(0, 2)),
    number("mirostat_tau", "The entropy that Mirostat aims at."),
    number("mirostat_eta", "The learning rate of Mirostat."),
    number(
        "adaptive_target",
        "The probability that adaptive-p aims at (negative = off).",
        soft=(-FLOAT_MAX, 1.0),
    ),
    number(
        "adaptive_decay",
        "How slowly adaptive-p forgets; it sees about 1 / (1 - decay) tokens.",
        hard=(0.0, 0.99),
    ),
    integer("min_keep", "Samplers that cut leave at least this many tokens.", hard=COUNT),
    listing(
        "samplers",
        "The order of the sampler chain: an array of names, or a string of letters "
        "(e penalties, d dry, s top_n_sigma, k top_k, y typ_p, p top_p, m min_p, x xtc, "
        "t temperature, i infill, a adaptive_p).",
        parse=parse_samplers,
        form=STRING_OR_STRINGS,
    ),
    listing(
        "logit_bias",
        "Amounts to add to the logits of tokens: `[[token, bias], ...]` or `{token: bias}`. A "
        "token is an id or a text; the bias false bans it.",
        parse=parse_logit_bias,
        form=BIASES,
    ),
    Field(
        "backend_sampling",
        Kind.BOOL,
        "Allow sampling on the device. A hint: the tokens are the same either way.",
        Section.SAMPLING,
        into=Into.SAMPLING,
    ),
)
