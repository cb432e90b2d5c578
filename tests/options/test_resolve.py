"""Which source wins, what adds up, and how errors and warnings name their source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from server.errors import OptionError
from server.options.argv import split_argv
from server.options.option import Option
from server.options.option import Tag
from server.options.pending import PENDING
from server.options.presets import Preset
from server.options.registry import BY_KEY
from server.options.resolve import Resolution
from server.options.resolve import resolve
from server.options.resolve import settings_from
from server.options.source import Origin
from server.options.source import Source
from server.values import text
from server.values import to_text


def refusal_of(line: str = "", environ: Mapping[str, str] | None = None) -> str:
    with pytest.raises(OptionError) as refusal:
        settings_from(line.split(), environ or {})
    return str(refusal.value)


# precedence


def test_nothing_given_means_defaults() -> None:
    settings = resolve((), {})
    assert settings.context.n_ctx == 0
    assert settings.http.host == ("127.0.0.1",)
    assert not settings.is_given("n_ctx")


def test_each_source_overrides_the_weaker_ones() -> None:
    files = [Preset("machine", {"n_ctx": "0"}), Preset("user", {"n_ctx": "1"})]
    preset, environ = {"ctx-size": "2"}, {"LLAMA_ARG_CTX_SIZE": "3"}
    argv = split_argv(["-c", "4"])
    assert resolve((), {}, files=files).context.n_ctx == 1
    assert resolve((), {}, preset, files).context.n_ctx == 2
    assert resolve((), environ, preset, files).context.n_ctx == 3
    assert resolve(argv, environ, preset, files).context.n_ctx == 4


def test_a_value_remembers_where_it_came_from() -> None:
    settings = settings_from(["-np", "3"], {"LLAMA_ARG_CTX_SIZE": "64"})
    assert settings.sources["n_parallel"] == Source(Origin.ARGV, "-np", "3")
    assert settings.sources["n_ctx"] == Source(Origin.ENV, "LLAMA_ARG_CTX_SIZE", "64")


def test_the_last_of_two_flags_counts_and_is_warned_of() -> None:
    settings = settings_from(["-c", "1", "--ctx-size", "2"], {})
    assert settings.context.n_ctx == 2
    assert settings.warnings == ("--ctx-size: given more than once; the last one counts",)


def test_a_variable_that_the_command_line_overrides_is_warned_of() -> None:
    settings = settings_from(["-c", "1"], {"LLAMA_ARG_CTX_SIZE": "2"})
    assert settings.warnings == ("LLAMA_ARG_CTX_SIZE: overridden by -c on the command line",)


def test_a_variable_that_no_option_has_is_warned_of() -> None:
    settings = resolve((), {"LLAMA_ARG_CTX_SIZ": "2", "PATH": "/bin"})
    assert settings.warnings == (
        "LLAMA_ARG_CTX_SIZ: no option has this variable; did you mean LLAMA_ARG_CTX_SIZE?",
    )


# forms


@pytest.mark.parametrize("word", ["on", "enabled", "true", "1"])
def test_switches_in_variables_know_four_words_for_on(word: str) -> None:
    assert resolve((), {"LLAMA_ARG_MLOCK": word}).model.mlock


@pytest.mark.parametrize("word", ["off", "disabled", "false", "0"])
def test_switches_in_variables_know_four_words_for_off(word: str) -> None:
    assert resolve((), {"LLAMA_ARG_MMAP": word}).model.mmap is False


@pytest.mark.parametrize("word", ["1", "0", ""])
def test_the_presence_of_a_negated_variable_means_off(word: str) -> None:
    assert resolve((), {"LLAMA_ARG_NO_MMAP": word}).model.mmap is False


def test_an_empty_variable_counts_as_not_set() -> None:
    assert resolve((), {"LLAMA_ARG_CTX_SIZE": ""}).context.n_ctx == 0


def test_a_negated_flag_means_off() -> None:
    assert settings_from(["--no-warmup"], {}).model.warmup is False


def test_a_negated_preset_key_inverts() -> None:
    assert resolve((), {}, {"no-warmup": "true"}).model.warmup is False
    assert resolve((), {}, {"no-warmup": "false"}).model.warmup is True


def test_a_preset_key_may_be_a_variable() -> None:
    assert resolve((), {}, {"LLAMA_ARG_CTX_SIZE": "7"}).context.n_ctx == 7


def test_lists_add_up_over_sources() -> None:
    settings = settings_from(["--api-key", "c"], {"LLAMA_API_KEY": "a,b"})
    assert settings.http.api_keys == ("a", "b", "c")
    assert settings.warnings == ()


def test_a_second_way_to_say_something_fills_the_same_setting(tmp_path: Path) -> None:
    path = tmp_path / "template"
    path.write_text("{{ x }}")
    settings = settings_from(["--chat-template-file", str(path)], {})
    assert settings.chat.chat_template == "{{ x }}"


def test_the_first_list_given_replaces_the_default() -> None:
    settings = settings_from(["--dry-sequence-breaker", "x", "--dry-sequence-breaker", "y"], {})
    assert settings.sampling.dry_sequence_breakers == ("x", "y")


def test_no_sequence_breakers_at_all_can_be_asked_for() -> None:
    assert (
        settings_from(["--dry-sequence-breaker", "none"], {}).sampling.dry_sequence_breakers == ()
    )


def test_escapes_in_texts_are_replaced() -> None:
    words = ["-r", r"\n\n", "--dry-sequence-breaker", r"\t"]
    settings = settings_from(words, {})
    assert settings.context.antiprompt == ("\n\n",)
    assert settings.sampling.dry_sequence_breakers == ("\t",)


def test_escapes_stay_if_asked_for() -> None:
    assert settings_from(["-r", r"\n", "--no-escape"], {}).context.antiprompt == (r"\n",)


def test_an_option_may_stand_for_others() -> None:
    assert settings_from(["-v"], {}).log.verbosity == 2**31 - 1


def test_aliases_are_sorted() -> None:
    settings = settings_from(["-a", "b,a"], {"LLAMA_ARG_ALIAS": "c"})
    assert settings.model.alias == ("a", "b", "c")


def test_template_variables_add_up() -> None:
    words = ["--chat-template-kwargs", '{"a": 1, "b": 1}', "--chat-template-kwargs", '{"b": 2}']
    assert settings_from(words, {}).chat.chat_template_kwargs == {"a": 1, "b": 2}


# errors


def test_a_wrong_flag_value_names_the_flag() -> None:
    assert refusal_of("-c big") == "--ctx-size: expected an integer, got 'big'"


def test_a_wrong_variable_is_named_with_its_flag() -> None:
    sentence = refusal_of(environ={"LLAMA_ARG_CTX_SIZE": "big"})
    assert sentence == "LLAMA_ARG_CTX_SIZE: --ctx-size: expected an integer, got 'big'"


def test_an_unknown_preset_key_is_refused() -> None:
    with pytest.raises(OptionError, match="preset: ctx-sise: unknown key; did you mean ctx-size"):
        resolve((), {}, {"ctx-sise": "1"})


def test_an_option_without_its_feature_is_refused() -> None:
    sentence = refusal_of("--sleep-idle-seconds 5")
    assert sentence == (
        "--sleep-idle-seconds: not available yet (sleeping when idle); leave it out"
    )


def test_what_details_a_missing_feature_says_nothing_by_itself() -> None:
    settings = settings_from(["--spec-draft-n-max", "8"], {"HF_TOKEN": "hf_x"})
    assert settings.speculative.draft_n_max == 8


def test_an_option_that_stands_for_others_is_refused_by_its_own_name() -> None:
    sentence = refusal_of("--spec-default")
    assert sentence == "--spec-default: not available yet (speculative decoding); leave it out"


def test_an_option_without_its_feature_may_have_its_default() -> None:
    default = BY_KEY["sleep_idle_s"].default
    assert settings_from(["--sleep-idle-seconds", str(default)], {})


def test_an_option_without_its_feature_may_turn_it_off() -> None:
    harmless = {key: not_yet.harmless for key, not_yet in PENDING.items() if not_yet.harmless}
    for key, values in harmless.items():
        for value in values:
            preset = {BY_KEY[key].flag.lstrip("-"): to_text(value)}
            assert resolve((), {}, preset).is_given(key)


def test_a_deprecated_option_is_warned_of_and_has_no_effect() -> None:
    settings = settings_from(["--defrag-thold", "0.1"], {})
    assert settings.warnings == (
        "--defrag-thold: is deprecated; the KV cache needs no defragmentation any more",
    )


def test_a_removed_option_is_refused_with_its_message() -> None:
    gone = Option(
        "gone", ("--gone",), text, tags=frozenset({Tag.REMOVED}), message="use --other instead"
    )
    with pytest.raises(OptionError, match="--gone: was removed; use --other instead"):
        Resolution().take(gone, Source(Origin.ARGV, "--gone", "1"))


def test_the_removed_options_of_llama_server_say_what_replaced_them() -> None:
    assert refusal_of("--draft-max 8") == (
        "--draft: was removed; use --spec-draft-n-max or --spec-ngram-mod-n-max"
    )
    assert refusal_of(environ={"LLAMA_ARG_DRAFT_MIN": "1"}).startswith(
        "LLAMA_ARG_DRAFT_MIN: --draft-min: was removed; use --spec-draft-n-min"
    )


def test_keys_and_tokens_are_not_shown_by_repr() -> None:
    settings = settings_from(["--api-key", "sesame"], {"HF_TOKEN": "open"})
    assert "sesame" not in repr(settings)
    assert "open" not in repr(settings.hub)


def test_what_only_presets_may_say_is_no_flag_and_no_setting() -> None:
    assert refusal_of("--load-on-startup on").startswith("--load-on-startup: unknown option")
    assert not resolve((), {}, {"load-on-startup": "on"}).is_given("load_on_startup")


def test_an_option_that_stands_for_others_may_take_them_back() -> None:
    assert settings_from(["--no-agent"], {"LLAMA_ARG_TOOLS": "all"}).ui.tools == ()


def test_names_of_hosts_are_written_as_a_request_has_them() -> None:
    http = settings_from(["--allowed-hosts", "LLM.example.org. , .Lan,müller.example"], {}).http
    assert http.allowed_hosts == ("llm.example.org", ".lan", "xn--mller-kva.example")


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".org", "."])
def test_what_is_no_name_of_a_host_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match=r"--allowed-hosts: expected names of hosts, got"):
        settings_from(["--allowed-hosts", f"good.org,{name}"], {})


# values that follow from several options


@pytest.mark.parametrize(
    ("line", "mode"),
    [
        ("", "auto"),
        ("--load-mode dio", "dio"),
        ("--no-mmap", "none"),
        ("--mlock", "mmap+mlock"),
        ("--mlock --no-mmap", "mlock"),
        ("--mmap", "mmap"),
    ],
)
def test_older_switches_say_a_load_mode(line: str, mode: str) -> None:
    assert settings_from(line.split(), {}).model.effective_load_mode == mode


@pytest.mark.parametrize(
    ("line", "n_slots", "is_divided"),
    [("", 4, False), ("-np 2", 2, True), ("-np 2 -kvu", 2, False), ("-no-kvu", 4, False)],
)
def test_slots_divide_the_context_if_counted(line: str, n_slots: int, is_divided: bool) -> None:
    slots = settings_from(line.split(), {}).slots
    assert (slots.n_slots, slots.is_context_divided) == (n_slots, is_divided)


def test_batch_threads_follow_threads() -> None:
    assert settings_from(["-t", "3"], {}).device.batch_threads == 3


def test_template_variables_follow_the_reasoning_options() -> None:
    chat = settings_from(["--reasoning", "off", "--reasoning-effort", "low"], {}).chat
    assert chat.template_kwargs == {
        "preserve_reasoning": True,
        "enable_thinking": False,
        "reasoning_effort": "low",
    }
