"""Checkpoints with real memory that can't be cut: what comes back from one says the same.

Three generated models: a sliding window, recurrent, hybrid. Each text is held against that of a
request which computed its whole prompt.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from server.engine.config import EngineConfig
from server.engine.llama.runner import LlamaRunner
from server.engine.mailbox import RestoreSlot
from server.engine.mailbox import SaveSlot
from server.engine.task import Finished
from server.engine.task import SamplingParams
from server.engine.task import SlotDone
from tests.engine.conftest import Bench
from tests.engine.llama.conftest import Load
from tests.single_precision import EXACT
from tests.tiny_memory_models import WINDOW
from tests.tiny_memory_models import build_hybrid_model
from tests.tiny_memory_models import build_recurrent_model
from tests.tiny_memory_models import build_window_model

pytestmark = pytest.mark.model

KINDS = {
    "window": build_window_model,
    "recurrent": build_recurrent_model,
    "hybrid": build_hybrid_model,
}
GREEDY = SamplingParams(temperature=0.0, seed=1)
SYSTEM = "<|im_start|>system\n" + "You are here to help the one who asks. " * 12 + "<|im_end|>\n"
N_PREDICT = 24

Chat = Callable[..., Finished]


@pytest.fixture(scope="session")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model file for each kind of memory."""
    folder = tmp_path_factory.mktemp("memory")
    return {name: build(folder / f"{name}.gguf") for name, build in KINDS.items()}


@pytest.fixture(params=KINDS)
def runner(request: pytest.FixtureRequest, load: Load, paths: dict[str, Path]) -> LlamaRunner:
    """A real runner with two slots."""
    return load("-c", "2048", "-np", "2", "-kvu", "-b", "128", *EXACT, path=paths[request.param])


def bench(runner: LlamaRunner, **config: object) -> Bench:
    """An engine on it that keeps everything it may."""
    values: dict[str, object] = {"host_cache_bytes": None}
    return Bench(runner, EngineConfig(**(values | config)))  # type: ignore[arg-type]


def tokens(runner: LlamaRunner, text: str) -> list[int]:
    return runner.tokenizer.tokenize(text, add_special=True, parse_special=True)


def user(text: str) -> str:
    """A user's turn and the beginning of the answer."""
    return f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"


def ask(b: Bench, runner: LlamaRunner, text: str, **fields: object) -> Finished:
    """The greedy answer to a prompt."""
    prompt = tokens(runner, text)
    return b.generate(prompt, sampling=GREEDY, n_predict=N_PREDICT, **fields)


def alone(runner: LlamaRunner, text: str) -> str:
    """What a request says that computes all of its prompt in an engine of its own."""
    answer = ask(bench(runner, host_cache_bytes=0, n_checkpoints=0), runner, text)
    assert answer.timings.n_prompt_cached == 0
    runner.cut(0, 0)
    runner.cut(1, 0)
    return answer.text


def test_a_prompt_that_comes_again_begins_near_its_end(runner: LlamaRunner) -> None:
    text = SYSTEM + user("Once upon a time")
    expected = alone(runner, text)
    b = bench(runner)
    first, again = ask(b, runner, text), ask(b, runner, text)
    assert (first.text, again.text) == (expected, expected)
    assert again.n_prompt - again.timings.n_prompt_cached <= 24


def test_another_question_begins_where_the_system_prompt_ends(runner: LlamaRunner) -> None:
    text = SYSTEM + user("What else is there to be told?")
    expected = alone(runner, text)
    b = bench(runner)
    ask(b, runner, SYSTEM + user("Once upon a time, and so it was"))
    answer = ask(b, runner, text)
    assert answer.text == expected
    # before "\n"; in a window that is still there, as far as the prompts are equal
    assert answer.timings.n_prompt_cached >= len(tokens(runner, SYSTEM)) - 2


def test_an_edited_turn_begins_where_the_one_before_it_ends(runner: LlamaRunner) -> None:
    told = SYSTEM + user("Tell me of the sea and of those who live in it") + "The sea is wide."
    told += "<|im_end|>\n"
    text = told + user("And now, what of the land?")
    expected = alone(runner, text)
    b = bench(runner)
    ask(b, runner, told + user("Thank you, that was good to hear, and I will tell it"))
    answer = ask(b, runner, text)
    assert answer.text == expected
    assert answer.timings.n_prompt_cached >= len(tokens(runner, told)) - 4


def test_a_conversation_that_left_the_cache_comes_back_from_the_host(runner: LlamaRunner) -> None:
    text = SYSTEM + user("What else is there to be told?")
    expected = alone(runner, text)
    b = bench(runner)
    ask(b, runner, SYSTEM + user("Once upon a time, and so it was"), id_slot=0)
    for slot_id in (0, 1):
        ask(b, runner, "something else " * 40, id_slot=slot_id, cache_prompt=False)
    answer = ask(b, runner, text)
    assert answer.text == expected
    assert answer.timings.n_prompt_cached >= len(tokens(runner, SYSTEM)) - 2


def test_two_requests_at_once_compute_the_system_prompt_once(runner: LlamaRunner) -> None:
    texts = [SYSTEM + user("Once upon a time, and so it was"), SYSTEM + user("And what now?")]
    expected = [alone(runner, text) for text in texts]
    b = bench(runner)
    asked = [b.submit(tokens(runner, text), sampling=GREEDY, n_predict=N_PREDICT) for text in texts]
    b.run()
    assert [b.text(task) for task in asked] == expected
    first, second = (b.finished(task).timings.n_prompt_cached for task in asked)
    assert first == 0
    assert second >= len(tokens(runner, SYSTEM)) - 2


def test_many_requests_that_share_their_beginnings_say_what_they_say_alone(
    runner: LlamaRunner,
) -> None:
    rng = random.Random(3)
    systems = [SYSTEM, SYSTEM[: len(SYSTEM) // 2] + "<|im_end|>\n"]
    turns = [user("the sea is wide and deep " * n) for n in range(1, 5)]
    texts = [rng.choice(systems) + "".join(rng.choices(turns, k=2)) for _ in range(8)]
    expected = {text: alone(runner, text) for text in texts}
    b = bench(runner)
    asked = []
    for text in texts * 2:
        prompt = tokens(runner, text)
        asked.append((text, b.submit(prompt, sampling=GREEDY, n_predict=N_PREDICT)))
        b.tick(rng.randint(1, 12))
    b.run()
    for text, task in asked:
        assert b.text(task) == expected[text]
    n_cached = sum(b.finished(task).timings.n_prompt_cached for _, task in asked)
    assert n_cached > sum(b.finished(task).n_prompt for _, task in asked) / 2


def test_a_saved_slot_continues_in_another_one(runner: LlamaRunner) -> None:
    text = SYSTEM + user("Once upon a time")
    b = bench(runner, host_cache_bytes=0)
    first = ask(b, runner, text, id_slot=0)
    b.mailbox.post(SaveSlot(1000, 0))
    b.run()
    (saved,) = b.events[1000]
    assert isinstance(saved, SlotDone)
    restore = RestoreSlot(1001, 1, saved.tokens, saved.state, checkpoints=saved.checkpoints)
    b.mailbox.post(restore)
    b.run()
    again = ask(b, runner, text, id_slot=1)
    assert again.text == first.text
    assert again.n_prompt - again.timings.n_prompt_cached <= 24


def test_a_state_without_checkpoints_is_continued_where_it_ends(runner: LlamaRunner) -> None:
    text = SYSTEM + user("Once upon a time")
    b = bench(runner, host_cache_bytes=0)
    ask(b, runner, text, id_slot=0)
    b.mailbox.post(SaveSlot(1000, 0))
    b.run()
    (saved,) = b.events[1000]
    assert isinstance(saved, SlotDone)
    longer = saved.tokens.tolist() + tokens(runner, "<|im_end|>\n" + user("And then?"))[1:]
    asked = {"sampling": GREEDY, "n_predict": N_PREDICT, "id_slot": 1}
    expected = b.generate(longer, **asked, cache_prompt=False).text
    b.mailbox.post(RestoreSlot(1001, 1, saved.tokens, saved.state))
    b.run()
    answer = b.generate(longer, **asked)
    assert answer.timings.n_prompt_cached == len(saved.tokens)
    assert answer.text == expected


def test_without_checkpoints_everything_is_computed(runner: LlamaRunner) -> None:
    text = SYSTEM + user("Once upon a time")
    b = bench(runner, n_checkpoints=0)
    first = ask(b, runner, text)
    # a window whose cells are all still there can be cut without one
    runner.window = 0
    again = ask(b, runner, text)
    assert (again.text, again.timings.n_prompt_cached) == (first.text, 0)


def test_a_window_that_has_moved_on_is_not_cut(load: Load, paths: dict[str, Path]) -> None:
    runner = load("-c", "2048", "-np", "1", "-b", "64", "-ub", "64", path=paths["window"])
    text = "Once upon a time there was a house by the sea. " * 30
    expected = alone(runner, text)
    b = bench(runner, n_checkpoints=0)
    ask(b, runner, text + "And it went on, " * 20)
    assert runner.cut_floor(0) > WINDOW
    answer = ask(b, runner, text)
    assert (answer.text, answer.timings.n_prompt_cached) == (expected, 0)


def test_a_batch_of_a_model_with_a_window_is_one_ubatch(load: Load, paths: dict[str, Path]) -> None:
    """Of several, libllama drops cells of the window that the first one still needs."""
    sizes = ("-b", "128", "-ub", "32", "-np", "2")
    runner = load("-c", "2048", *sizes, "-kvu", path=paths["window"])
    assert (runner.info.n_batch, runner.mixes_prompts) == (32, True)
    # split streams: rows of several prompts never are one ubatch
    assert not load("-c", "2048", *sizes, "--no-kv-unified", path=paths["window"]).mixes_prompts
    assert load("-c", "2048", *sizes, path=paths["hybrid"]).info.n_batch == 128
