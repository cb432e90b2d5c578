"""Options of sampling: what a request gets that does not say otherwise.

The keys are the names of the request fields.
"""

from __future__ import annotations

from dataclasses import replace

from server.options.option import Option
from server.options.option import Section
from server.options.option import Tag
from server.options.option import concat
from server.options.option import concat_or_clear
from server.options.parsers import dry_breaker
from server.options.parsers import existing_text_file
from server.options.parsers import json_file
from server.values import UINT32_MAX
from server.values import flag
from server.values import integer
from server.values import integer_in
from server.values import json_value
from server.values import logit_bias
from server.values import number
from server.values import number_in
from server.values import positive_number
from server.values import sampler_letters
from server.values import sampler_names
from server.values import seed
from server.values import temperature
from server.values import text

DEFAULT_SAMPLERS = sampler_letters("edskypmxt")
DEFAULT_DRY_BREAKERS = ("\n", ":", '"', "*")

_ROWS = (
    Option("samplers", ("--samplers",), sampler_names, DEFAULT_SAMPLERS, "NAMES",
           shown_default=";".join(DEFAULT_SAMPLERS),
           help="the samplers in their order, separated by semicolons"),
    Option("sampler_seq", ("--sampler-seq", "--sampling-seq"), sampler_letters, DEFAULT_SAMPLERS,
           "LETTERS", fills="samplers", shown_default="edskypmxt",
           help="the samplers in their order, one letter each: e penalties, d dry, s top_n_sigma, "
                "k top_k, y typ_p, p top_p, m min_p, x xtc, t temperature, i infill, a adaptive_p"),
    Option("seed", ("-s", "--seed"), seed, UINT32_MAX, "SEED", shown_default="-1",
           help="seed of the random choices; -1 = another one for each request"),
    Option("ignore_eos", ("--ignore-eos",), flag, False,
           help="never end an answer by itself: the tokens that end it are banned"),
    Option("temperature", ("--temp", "--temperature"), temperature, 0.8, "N",
           env="LLAMA_ARG_TEMPERATURE", help="temperature; 0 = always the likeliest token"),
    Option("top_k", ("--top-k",), integer, 40, "N", env="LLAMA_ARG_TOP_K",
           help="keep the K likeliest tokens; 0 = all"),
    Option("top_p", ("--top-p",), number, 0.95, "N", env="LLAMA_ARG_TOP_P",
           help="keep the likeliest tokens that together reach this probability; 1 = all"),
    Option("min_p", ("--min-p",), number, 0.05, "N", env="LLAMA_ARG_MIN_P",
           help="drop tokens less likely than this part of the likeliest; 0 = none"),
    Option("top_n_sigma", ("--top-nsigma", "--top-n-sigma"), number, -1.0, "N",
           help="keep tokens within this many standard deviations of the best; -1 = all"),
    Option("xtc_probability", ("--xtc-probability",), number, 0.0, "N",
           help="XTC: how often the likeliest tokens are left out; 0 = never"),
    Option("xtc_threshold", ("--xtc-threshold",), number, 0.1, "N",
           help="XTC: the probability from which a token may be left out; above 0.5 = off"),
    Option("typical_p", ("--typical", "--typical-p"), number, 1.0, "N",
           help="locally typical sampling: the probability to reach; 1 = off"),
    Option("repeat_last_n", ("--repeat-last-n",), integer_in(0), 64, "N",
           help="how many of the last tokens the penalties look at; 0 = none"),
    Option("repeat_penalty", ("--repeat-penalty",), positive_number, 1.0, "N",
           env="LLAMA_ARG_REPEAT_PENALTY", help="divide the logits of repeated tokens; 1 = off"),
    Option("presence_penalty", ("--presence-penalty",), number, 0.0, "N",
           env="LLAMA_ARG_PRESENCE_PENALTY", help="take this off tokens that occurred; 0 = off"),
    Option("frequency_penalty", ("--frequency-penalty",), number, 0.0, "N",
           env="LLAMA_ARG_FREQUENCY_PENALTY",
           help="take this off tokens for each time they occurred; 0 = off"),
    Option("dry_multiplier", ("--dry-multiplier",), number, 0.0, "N",
           help="DRY, a penalty on repeated sequences: its strength; 0 = off"),
    Option("dry_base", ("--dry-base",), number_in(1), 1.75, "N",
           help="DRY: how fast the penalty grows with the length of the repetition"),
    Option("dry_allowed_length", ("--dry-allowed-length",), integer, 2, "N",
           help="DRY: the longest repetition without a penalty"),
    Option("dry_penalty_last_n", ("--dry-penalty-last-n",), integer_in(0), 64, "N",
           help="DRY: how many of the last tokens are searched; 0 = off"),
    Option("dry_sequence_breakers", ("--dry-sequence-breaker",), dry_breaker,
           DEFAULT_DRY_BREAKERS, "TEXT", shown_default=r"\n : " + '" *', merge=concat_or_clear,
           help="DRY: a text across which nothing counts as repeated; may be given again; none = "
                "no such texts"),
    Option("adaptive_target", ("--adaptive-target",), number, -1.0, "N",
           help="adaptive-p: choose tokens near this probability (0 to 1); below 0 = off"),
    Option("adaptive_decay", ("--adaptive-decay",), number_in(0, 0.99), 0.9, "N",
           help="adaptive-p: how slowly the target adapts (0 to 0.99)"),
    Option("dynatemp_range", ("--dynatemp-range",), number, 0.0, "N",
           help="dynamic temperature: how far it may leave the temperature; 0 = off"),
    Option("dynatemp_exponent", ("--dynatemp-exp",), number, 1.0, "N",
           help="dynamic temperature: the exponent"),
    Option("mirostat", ("--mirostat",), integer_in(0, 2), 0, "N",
           help="Mirostat instead of the other samplers: 0 off, 1 or 2 the version"),
    Option("mirostat_eta", ("--mirostat-lr",), number, 0.1, "N",
           help="Mirostat: learning rate (eta)"),
    Option("mirostat_tau", ("--mirostat-ent",), number, 5.0, "N",
           help="Mirostat: target entropy (tau)"),
    Option("logit_bias", ("-l", "--logit-bias"), logit_bias, (), "TOKEN_ID(+/-)BIAS",
           merge=concat, help="raise or lower a token's logit, such as 15043+1; may be repeated"),
    Option("grammar", ("--grammar",), text, "", "GBNF", help="a grammar that answers must follow"),
    Option("grammar_file", ("--grammar-file",), existing_text_file, "", "FILE", fills="grammar",
           help="a file with a grammar that answers must follow"),
    Option("json_schema", ("-j", "--json-schema"), json_value, None, "SCHEMA",
           help='a JSON schema that answers must match; {"type": "object"} = any object'),
    Option("json_schema_file", ("-jf", "--json-schema-file"), json_file, None, "FILE",
           fills="json_schema", help="a file with a JSON schema that answers must match"),
    Option("backend_sampling", ("-bs", "--backend-sampling"), flag, False,
           env="LLAMA_ARG_BACKEND_SAMPLING", help="sample on the device (experimental)"),
)  # fmt: skip

SAMPLING = Section(
    "sampling",
    "Sampling",
    tuple(replace(row, tags=row.tags | {Tag.SAMPLING}) for row in _ROWS),
)
