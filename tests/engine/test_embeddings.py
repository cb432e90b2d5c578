"""Texts are packed, take turns, share the memory with generation, and fail alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from server.engine.config import EngineConfig
from server.engine.modelinfo import Pooling
from server.engine.task import ErrorKind
from tests.engine.conftest import Bench
from tests.fake_embedder import FakeEmbedder
from tests.fake_embedder import pooled
from tests.fakes import FakeRunner

Maker = Callable[..., Bench]

ENCODER = {"can_generate": False, "pooling": Pooling.MEAN, "n_text_max": 32}
DECODER = {"pooling": Pooling.LAST, "splits_texts": True, "n_text_max": 63}


def encoder(bench: Maker, **overrides: object) -> Bench:
    return bench(embeds=True, **(ENCODER | overrides))


def decoder(bench: Maker, **overrides: object) -> Bench:
    return bench(embeds=True, **(DECODER | overrides))


def embedder(bench: Bench) -> FakeEmbedder:
    assert bench.runner.embedder is not None
    return bench.runner.embedder


def expected(text: str, pooling: Pooling) -> list[list[float]]:
    return pooled([*text.encode()], 0, pooling).tolist()  # type: ignore[no-any-return]


def test_texts_share_a_batch_whatever_slots_there_are(bench: Maker) -> None:
    made = encoder(bench, n_slots=1)
    tasks = made.embed("one", "two", "three")
    made.run()
    assert embedder(made).batches == [[3, 3, 5]]
    assert made.vectors(tasks[2]).tolist() == expected("three", Pooling.MEAN)


def test_a_batch_has_no_more_rows_than_a_ubatch_and_shorter_texts_fill_it(bench: Maker) -> None:
    made = encoder(bench)
    made.embed("a" * 20, "b" * 20, "c" * 8)
    made.run()
    assert embedder(made).batches == [[20, 8], [20]]


def test_a_batch_has_no_more_texts_than_there_are_places(bench: Maker) -> None:
    made = encoder(bench, n_texts=2)
    made.embed("a", "b", "c")
    made.run()
    assert embedder(made).batches == [[1, 1], [1]]


def test_one_text_does_not_wait_for_the_many_of_another_request(bench: Maker) -> None:
    made = encoder(bench)
    many = made.embed(*["x" * 16] * 20)
    made.tick()
    (one,) = made.embed("y" * 16)
    made.tick(2)
    assert one.id in made.events
    assert many[-1].id not in made.events


@pytest.mark.parametrize("pooling", Pooling)
def test_a_text_longer_than_a_ubatch_is_computed_in_parts(bench: Maker, pooling: Pooling) -> None:
    text = "the quick brown fox jumps over the lazy dog"
    made = decoder(bench, pooling=pooling)
    (task,) = made.embed(text)
    made.run()
    assert embedder(made).batches == [[32], [11]]
    assert np.allclose(made.vectors(task), expected(text, pooling), rtol=1e-5)


def test_a_text_that_can_not_be_divided_is_refused_with_the_counts(bench: Maker) -> None:
    made = encoder(bench)
    (task,) = made.embed("x" * 33)
    made.run()
    failed = made.failed(task)
    assert (failed.kind, failed.n_prompt, failed.n_ctx) == (ErrorKind.EXCEED_CONTEXT_SIZE, 33, 32)
    assert "33" in failed.message and "32" in failed.message


def test_an_empty_text_and_unknown_tokens_are_refused(bench: Maker) -> None:
    made = encoder(bench, n_vocab=100)
    empty, unknown = made.embed("", "x")
    made.run()
    assert made.failed(empty).kind is ErrorKind.INVALID_REQUEST
    assert "99" in made.failed(unknown).message


def test_a_server_that_generates_only_refuses_texts(bench: Maker) -> None:
    made = bench()
    (task,) = made.embed("x")
    made.run()
    assert made.failed(task).kind is ErrorKind.NOT_SUPPORTED


def test_an_encoder_refuses_to_generate(bench: Maker) -> None:
    made = encoder(bench)
    task = made.submit("hello")
    made.run()
    assert made.failed(task).kind is ErrorKind.NOT_SUPPORTED


def test_generation_goes_on_beside_texts_and_says_the_same(bench: Maker) -> None:
    alone = decoder(bench).generate("hello", n_predict=20, stream=True)
    made = decoder(bench)
    task = made.submit("hello", n_predict=20)
    made.tick(3)
    tasks = made.embed(*["some text"] * 8)
    made.run()
    assert made.finished(task).timings.n_decoded == alone.timings.n_decoded
    assert made.text(task) == decoder(bench).generate("hello", n_predict=20).text
    assert all(made.vectors(each).tolist() == expected("some text", Pooling.LAST) for each in tasks)


def test_no_cell_is_held_when_all_is_done(bench: Maker) -> None:
    made = decoder(bench)
    made.embed("a" * 50, "b", "c" * 40)
    made.run()
    assert embedder(made).held == {}
    assert made.engine.memory.cells.n_used == made.runner.n_used == 0


def test_a_text_begins_again_when_generation_needs_its_cells(bench: Maker) -> None:
    made = decoder(bench, n_cells=64)
    task = made.submit("h" * 20, n_predict=40)
    made.tick(5)
    (text,) = made.embed("t" * 38)
    made.run()
    assert made.finished(task).timings.n_decoded == 40
    assert made.vectors(text).tolist() == expected("t" * 38, Pooling.LAST)
    assert made.runner.n_used == made.engine.memory.cells.n_used


def test_texts_that_have_room_get_on_although_many_wait_for_it(bench: Maker) -> None:
    made = decoder(bench, n_cells=64, n_texts=4)
    first = made.embed("a" * 60)
    made.tick()
    others = [made.embed("b" * 60)[0] for _ in range(40)]
    made.run()
    for task in [*first, *others]:
        assert made.vectors(task).shape == (1, 4)


@pytest.mark.parametrize("is_endless", [False, True])
def test_a_long_text_has_its_turn_beside_steady_generation(bench: Maker, is_endless: bool) -> None:
    config = EngineConfig(context_shift=is_endless)
    b = decoder(bench, n_slots=3, n_cells=64, n_ctx_slot=60, n_text_max=59, config=config)
    for letter in "abs":
        b.submit(letter * 8, n_predict=-1 if is_endless and letter == "s" else 8)
    b.tick(2)
    (long_one,) = b.embed("B" * 50)
    younger = []
    for _ in range(200):
        if len(b.engine.waiting) < 2:
            younger.append(b.submit("y" * 8, n_predict=7 + len(younger) % 3))
        b.tick()
    assert len(b.vectors(long_one)) == 1
    assert len(younger) > 10
    b.tick(300)
    assert [len(b.text(task)) for task in younger] == [7 + i % 3 for i in range(len(younger))]


def test_streams_that_made_way_for_a_text_stay_away_until_it_has_its_cells(bench: Maker) -> None:
    config = EngineConfig(context_shift=True)
    b = decoder(bench, n_slots=4, n_cells=64, n_ctx_slot=32, n_text_max=60, config=config)
    b.submit("a" * 20, t_submitted=b.now)
    b.tick(9)
    b.submit("b" * 11, t_submitted=b.now)
    b.tick(30)
    (large,) = b.embed("E" * 50, t_submitted=b.now)
    b.tick(100)
    assert len(b.vectors(large)) == 1


def test_a_batch_that_fails_is_computed_text_by_text(bench: Maker) -> None:
    made = encoder(bench)
    made.runner.fail_tokens = frozenset(b"!")
    good, bad, fine = made.embed("good", "bad!", "fine")
    made.run()
    assert made.failed(bad).message == "broken token"
    assert made.vectors(good).tolist() == expected("good", Pooling.MEAN)
    assert made.vectors(fine).tolist() == expected("fine", Pooling.MEAN)


def test_output_that_is_no_number_fails_its_text_and_the_memory_is_wiped(bench: Maker) -> None:
    made = decoder(bench)
    running = made.submit("hello", n_predict=30)
    made.tick(4)
    embedder(made).nan_tokens = frozenset(b"!")
    good, bad = made.embed("good", "bad!")
    made.run()
    assert made.failed(bad).kind is ErrorKind.SERVER
    assert made.vectors(good).tolist() == expected("good", Pooling.LAST)
    assert made.runner.n_wiped >= 1
    assert made.text(running) == decoder(bench).generate("hello", n_predict=30).text


def test_a_memory_that_is_full_against_the_books_is_tried_again(bench: Maker) -> None:
    made = decoder(bench)
    running = made.submit("hello", n_predict=5)
    made.tick(2)
    embedder(made).full_next = True
    (text,) = made.embed("text")
    made.run()
    assert made.vectors(text).tolist() == expected("text", Pooling.LAST)
    assert made.finished(running).timings.n_decoded == 5


def test_cancelled_texts_are_forgotten(bench: Maker) -> None:
    made = decoder(bench)
    long, other = made.embed("a" * 60, "b" * 60)
    made.tick()
    made.cancel(long)
    made.run()
    assert long.id not in made.events
    assert made.vectors(other).shape == (1, 4)
    assert made.runner.n_used == made.engine.memory.cells.n_used == 0


def test_texts_end_at_shutdown_and_new_ones_are_refused(bench: Maker) -> None:
    made = encoder(bench)
    waiting = made.embed(*["x" * 30] * 5)
    made.tick()
    made.stop(0)
    (late,) = made.embed("late")
    made.tick()
    assert made.engine.is_stopped
    kinds = {made.failed(task).kind for task in [*waiting[2:], late]}
    assert kinds == {ErrorKind.UNAVAILABLE}


def test_texts_with_other_adapters_have_batches_of_their_own(bench: Maker) -> None:
    made = decoder(bench)
    made.embed("one", "two")
    made.embed("three", adapters=((0, 1.0),))
    made.embed("four")
    made.run()
    assert embedder(made).batches == [[3, 4, 3], [5]]
    assert made.runner.adapters == ((0, 1.0),)


ACTIONS = st.one_of(
    st.tuples(st.just("embed"), st.lists(st.integers(1, 63), min_size=1, max_size=6)),
    st.tuples(st.just("complete"), st.tuples(st.integers(1, 40), st.integers(1, 30))),
    st.tuples(st.just("cancel"), st.integers(0, 20)),
    st.tuples(st.just("tick"), st.integers(1, 8)),
    st.tuples(st.just("full"), st.none()),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ACTIONS, max_size=25), st.integers(70, 256))
def test_whatever_happens_everything_ends_and_no_cell_is_lost(
    actions: list[tuple[str, object]], n_cells: int
) -> None:
    runner = FakeRunner(embeds=True, n_cells=n_cells, **DECODER)
    made = Bench(runner)
    texts: list[object] = []
    tasks: list[object] = []
    cancelled: set[int] = set()
    for name, value in actions:
        match name, value:
            case "embed", list(lengths):
                texts += made.embed(*("t" * n for n in lengths))
            case "complete", (int(n_prompt), int(n_predict)):
                tasks.append(made.submit("p" * n_prompt, n_predict=n_predict))
            case "cancel", int(i) if i < len(texts):
                made.cancel(texts[i])  # type: ignore[arg-type]
                cancelled.add(texts[i].id)  # type: ignore[attr-defined]
            case "tick", int(n):
                made.tick(n)
            case "full", _:
                embedder(made).full_next = True
    made.run()
    for task in [*texts, *tasks]:
        if task.id not in cancelled:  # type: ignore[attr-defined]
            made.last(task)  # type: ignore[arg-type]
    assert embedder(made).held == {}
    assert runner.n_used == made.engine.memory.cells.n_used


def test_owners_take_turns_whatever_each_asks_for(bench: Maker) -> None:
    made = encoder(bench)
    flood = [made.embed("x" * 16, owner="flood") for _ in range(20)]
    made.tick()
    few = [made.embed("y" * 16, owner="few") for _ in range(3)]
    made.tick(3)
    assert all(task.id in made.events for (task,) in few)
    assert sum(task.id in made.events for (task,) in flood) == 2 + 3


def test_texts_whose_turn_does_not_come_in_time_are_refused(bench: Maker) -> None:
    made = encoder(bench, config=EngineConfig(queue_timeout_s=1.0))
    begun = made.embed(*["x" * 16] * 4, t_submitted=made.now)
    made.tick()
    late = made.embed("y" * 16, "z", t_submitted=made.now, owner="late")
    made.embed(*["w" * 16] * 3)  # nobody said when these came
    made.now += 1.1
    made.tick()
    assert [made.failed(task).kind for task in late] == [ErrorKind.OVERLOADED] * 2
    assert "(--queue-timeout)" in made.failed(late[0]).message
    made.run()
    assert len(made.vectors(begun[-1])) == 1
