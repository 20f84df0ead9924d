"""The one rule, case by case."""

from __future__ import annotations

import pytest

from max.pipelines.context import GenerationStatus, InputError
from max.pipelines.kv_cache import InsufficientBlocksError
from max.pipelines.modeling.types import RequestID, TextGenerationInputs
from max.pipelines.scheduling import RequestTooLargeError, SchedulerConfig
from tests.pipelines.scheduling.fake_model import make_context, make_manager, solo_answer
from tests.pipelines.scheduling.stepped_server import PROMPT, Server
from tests.pipelines.scheduling.timed_server import TimedServer


def test_without_requests_there_is_no_batch() -> None:
    server = Server()
    assert not server.scheduler.has_work
    assert server.scheduler.schedule() is None


def test_one_request_from_prompt_to_end() -> None:
    server = Server()
    ctx = server.add("a")
    assert server.step() == {"a": 5}
    assert server.step() == {"a": 1}
    while server.scheduler.has_work:
        server.step()
    assert ctx.tokens.generated.tolist() == solo_answer(PROMPT, 16)
    assert ctx.status is GenerationStatus.MAXIMUM_LENGTH
    assert server.manager.num_free_pages == 64


def test_prompts_and_decoding_share_a_step() -> None:
    server = Server()
    server.add("a")
    server.step()
    server.add("b")
    assert server.step() == {"a": 1, "b": 5}
    assert server.step() == {"a": 1, "b": 1}


def test_a_batch_counts_its_tokens() -> None:
    server = Server()
    server.add("a")
    server.step()
    server.add("b")
    batch = server.scheduler.schedule()
    assert batch is not None
    assert (batch.input_tokens, batch.cached_tokens, batch.num_preempted) == (6, 5, 0)


def test_no_more_requests_run_than_the_batch_size() -> None:
    server = Server(batch=2)
    for name in "abc":
        server.add(name)
    assert list(server.step()) == ["a", "b"]
    assert (server.scheduler.num_running, server.scheduler.num_waiting) == (2, 1)
    while "c" not in server.step():
        pass
    assert server.scheduler.num_waiting == 0


def test_a_burst_of_prompts_begins_in_order_and_the_first_answers_early() -> None:
    server = Server(budget=12)
    contexts = [server.add(name) for name in "abcd"]
    # Two prompts fit into 12 tokens; the two tokens that are left would only delay them.
    assert server.step() == {"a": 5, "b": 5}
    assert [ctx.tokens.generated_length for ctx in contexts] == [1, 1, 0, 0]
    assert server.step() == {"a": 1, "b": 1, "c": 5, "d": 5}


def test_a_long_prompt_comes_in_chunks_and_leaves_the_streams_running() -> None:
    server = Server(budget=6)
    server.add("a")
    server.step()
    long = server.add("long", PROMPT * 3, max_length=40)
    assert server.step() == {"a": 1, "long": 5}
    assert server.step() == {"a": 1, "long": 5}
    assert long.tokens.generated_length == 0
    assert server.step() == {"a": 1, "long": 5}
    assert long.tokens.generated_length == 1


def test_a_short_prompt_passes_a_long_one_that_goes_on_at_half_its_speed() -> None:
    server = Server(budget=10)
    server.add("long", PROMPT * 5, max_length=40)
    assert server.step() == {"long": 10}
    server.add("b", PROMPT * 2)
    assert server.step() == {"long": 5, "b": 5}
    assert server.step() == {"long": 5, "b": 5}
    assert server.step() == {"long": 5, "b": 1}


def test_a_prompt_that_is_passed_all_the_time_has_half_of_each_step() -> None:
    server = Server(budget=10, batch=8)
    long = server.add("long", PROMPT * 5, max_length=40)
    for number in range(5):
        server.add(f"short {number}", max_length=6)
        assert server.step()["long"] == 5
    assert long.tokens.generated_length == 1


def make_unchunked(batch: int = 4, budget: int = 10) -> Server:
    server = Server()
    server.reconfigure(
        SchedulerConfig(
            max_batch_size=batch, max_batch_input_tokens=budget, enable_chunked_prefill=False
        )
    )
    return server


def test_without_chunking_a_prompt_waits_until_it_fits_whole() -> None:
    server = make_unchunked()
    for name in "abc":
        server.add(name)
    assert server.step() == {"a": 5, "b": 5}
    assert server.step() == {"a": 1, "b": 1, "c": 5}


def test_without_chunking_a_prompt_longer_than_the_budget_runs_alone() -> None:
    server = make_unchunked()
    server.add("a")
    server.step()
    server.add("long", PROMPT * 3, max_length=40)
    server.add("b")
    steps = [server.step()]
    while "a" in steps[-1]:
        steps.append(server.step())
    # "a" has a token already; it may have 10 more.
    assert steps == 10 * [{"a": 1}] + [{"long": 15}]
    assert server.step() == {"long": 1, "b": 5}


def test_the_youngest_gives_its_pages_up_and_gets_the_same_answer_later() -> None:
    server = Server(make_manager(6))
    contexts = [server.add(name) for name in "ab"]
    steps = 0
    while server.scheduler.num_preemptions == 0:
        server.step()
        steps += 1
    # Two requests of 4 tokens a page, 6 pages: the 13th token of the older one has no page.
    assert steps == 9
    assert contexts[1].tokens.processed_length == 0
    assert contexts[1].tokens.generated_length > 0
    assert (server.scheduler.num_running, server.scheduler.num_waiting) == (1, 1)
    while server.scheduler.has_work:
        server.step()
    for ctx in contexts:
        assert ctx.tokens.generated.tolist() == solo_answer(PROMPT, 16)
    assert server.manager.num_free_pages == 6


def test_the_preempted_request_goes_before_those_that_wait() -> None:
    server = Server(make_manager(6), batch=2)
    for name in "abc":
        server.add(name)
    seen: list[str] = []
    while server.scheduler.has_work:
        seen += [name for name in server.step() if name not in seen[-1:]]
    assert server.scheduler.num_preemptions > 0
    assert seen.index("c") > max(index for index, name in enumerate(seen) if name == "a")


@pytest.mark.parametrize(("names", "times"), [("ab", 1), ("abcdef", 3)])
def test_a_batch_says_how_many_were_preempted_for_it(names: str, times: int) -> None:
    server = Server(make_manager(6))
    for name in names:
        server.add(name)
    preempted = []
    while server.scheduler.has_work:
        batch = server.scheduler.schedule()
        assert batch is not None
        preempted.append(batch.num_preempted)
        server.run(batch)
    assert sum(preempted) == server.scheduler.num_preemptions == times


def make_with_watermark(watermark: float, pages: int) -> Server:
    server = Server(make_manager(pages))
    server.reconfigure(SchedulerConfig(max_batch_size=4, kvcache_ce_watermark=watermark))
    return server


def test_a_request_begins_only_up_to_the_watermark_while_others_run() -> None:
    server = make_with_watermark(0.4, pages=10)
    for name in "abc":
        server.add(name, max_length=9)
    # Each has 2 of 10 pages; c would make it 6.
    assert server.step() == {"a": 5, "b": 5}
    while server.scheduler.num_running:
        server.step()
    assert server.step() == {"c": 5}


def test_the_watermark_does_not_hold_up_a_request_that_is_alone() -> None:
    server = make_with_watermark(0.0, pages=4)
    server.add("a")
    assert server.step() == {"a": 5}


def test_cancelling_frees_pages_at_once() -> None:
    server = Server()
    running = server.add("a")
    server.step()
    waiting = server.add("b")
    assert server.scheduler.cancel(RequestID("a"))
    assert server.manager.num_free_pages == 64
    assert server.scheduler.cancel(RequestID("b"))
    assert not server.scheduler.has_work
    assert running.status is waiting.status is GenerationStatus.CANCELLED
    assert not server.scheduler.cancel(RequestID("a"))


def test_cancelling_a_request_of_the_batch_leaves_the_others() -> None:
    server = Server()
    server.add("a", max_length=6)
    server.add("b")
    batch = server.scheduler.schedule()
    assert batch is not None
    outputs = server.pipeline.execute(TextGenerationInputs(batches=[batch.contexts]))
    assert outputs[RequestID("a")].is_done
    server.scheduler.cancel(RequestID("a"))
    server.scheduler.finish_step(batch, outputs)
    assert server.step() == {"b": 1}


def test_a_request_that_can_never_fit_is_refused_with_numbers() -> None:
    server = Server(make_manager(4))
    server.add("a", max_length=16)
    with pytest.raises(RequestTooLargeError) as refused:
        server.add("b", max_length=17)
    assert isinstance(refused.value, InputError)
    assert refused.value.code == "context_length_exceeded"
    assert (refused.value.num_tokens, refused.value.max_tokens) == (17, 16)
    assert "'b' may grow to 17 tokens" in str(refused.value)
    assert "it would need 5 KV pages of 4 tokens; there are 4" in str(refused.value)
    assert "--device-memory-utilization" in str(refused.value)
    assert server.scheduler.num_waiting == 1


def test_a_request_longer_than_the_model_s_limit_is_refused() -> None:
    server = Server()
    server.reconfigure(SchedulerConfig(max_batch_size=4, max_seq_len=15))
    with pytest.raises(
        RequestTooLargeError, match="at most 15 here: --max-length is 15"
    ) as refused:
        server.add("a", max_length=16)
    assert (refused.value.num_tokens, refused.value.max_tokens) == (16, 15)
    assert "'a'" in str(refused.value)


def test_a_name_is_queued_once() -> None:
    server = Server()
    server.add("a")
    with pytest.raises(ValueError, match="'a' is queued or running already"):
        server.add("a")
    server.step()
    with pytest.raises(ValueError, match="'a' is queued or running already"):
        server.add("a")


def test_an_output_that_is_missing_is_an_error() -> None:
    server = Server()
    server.add("a")
    batch = server.scheduler.schedule()
    assert batch is not None
    with pytest.raises(KeyError, match="a"):
        server.scheduler.finish_step(batch, {})


def test_pages_that_somebody_else_holds_are_an_error_not_an_endless_wait() -> None:
    server = Server(make_manager(4))
    stranger = make_context(PROMPT * 3, 16, "stranger")
    server.manager.claim("stranger")
    server.manager.alloc(stranger)
    server.add("a")
    with pytest.raises(InsufficientBlocksError, match="0 of 4 are free"):
        server.scheduler.schedule()
    server.manager.release("stranger")
    assert server.step() == {"a": 5}


def test_a_request_that_found_a_prefix_and_no_pages_can_begin_later() -> None:
    server = Server(make_manager(6, caching=True))
    server.add("a", PROMPT * 2, max_length=11)
    server.step()
    # The two full pages of "a" are cached, and a stranger holds the other four.
    stranger = make_context([9] * 16, 16, "stranger")
    server.manager.claim("stranger")
    server.manager.alloc(stranger)
    server.add("b", PROMPT * 2, max_length=11)
    with pytest.raises(InsufficientBlocksError):
        server.scheduler.schedule()
    server.manager.release("stranger")
    assert server.step() == {"b": 2}


def test_a_request_with_a_cached_prefix_computes_only_the_rest() -> None:
    server = Server(make_manager(16, caching=True))
    server.add("a", PROMPT * 2)
    server.step()
    server.add("b", PROMPT * 2)
    assert server.step() == {"a": 1, "b": 2}


def test_the_total_of_a_batch_keeps_requests_waiting() -> None:
    server = Server()
    server.reconfigure(SchedulerConfig(max_batch_size=4, max_batch_total_tokens=20))
    for name in "abc":
        server.add(name)
    # Pages of 4 tokens: each prompt of 5 counts as 8, and 20 tokens are 5 pages.
    assert server.step() == {"a": 5, "b": 5}
    assert server.scheduler.num_waiting == 1


@pytest.mark.parametrize(("limit", "begun"), [(16, ["a"]), (17, ["a", "b"]), (20, ["a", "b"])])
def test_the_total_of_a_batch_is_counted_in_whole_pages(limit: int, begun: list[str]) -> None:
    server = Server()
    server.reconfigure(SchedulerConfig(max_batch_size=4, max_batch_total_tokens=limit))
    server.add("a")  # Two pages of 4 tokens.
    server.add("b", [*PROMPT, 6, 7, 8, 9])  # Three of them.
    assert list(server.step()) == begun


def test_the_youngest_pauses_while_the_total_of_a_batch_is_exceeded() -> None:
    server = Server()
    server.reconfigure(SchedulerConfig(max_batch_size=4, max_batch_total_tokens=20))
    contexts = [server.add(name) for name in "ab"]
    steps = []
    while server.scheduler.has_work:
        steps.append("".join(server.step()))
    # Both have 2 pages until their 9th token; 3 + 2 pages fit, 3 + 3 do not. Then "a" runs to its
    # end, its 16th token, which is not computed, alone.
    assert steps == 4 * ["ab"] + 7 * ["a"] + 7 * ["b"]
    for ctx in contexts:
        assert ctx.tokens.generated.tolist() == solo_answer(PROMPT, 16)


def test_a_request_knows_how_much_of_its_prompt_was_cached_when_it_began() -> None:
    server = Server(make_manager(16, caching=True))
    first = server.add("a", PROMPT * 2)
    server.step()
    second = server.add("b", PROMPT * 2)
    while server.scheduler.has_work:
        server.step()
    # Two pages of 4 tokens.
    assert [ctx.cached_tokens for ctx in (first, second)] == [0, 8]


def test_preemption_does_not_change_what_was_cached_at_first() -> None:
    server = Server(make_manager(6, caching=True))
    contexts = [server.add("a"), server.add("b", PROMPT[::-1])]
    while server.scheduler.has_work:
        server.step()
    assert server.scheduler.num_preemptions > 0
    assert [ctx.cached_tokens for ctx in contexts] == [0, 0]


def test_resetting_the_prefix_cache_lets_prompts_be_computed_again() -> None:
    server = Server(make_manager(16, caching=True))
    server.add("a", PROMPT * 2)
    server.step()
    server.scheduler.reset_prefix_cache()
    server.add("b", PROMPT * 2)
    assert server.step() == {"a": 1, "b": 10}


def test_request_of_exactly_the_longest_length_is_taken() -> None:
    server = Server()
    server.reconfigure(SchedulerConfig(max_batch_size=4, max_seq_len=16))
    server.add("a", PROMPT, 16)
    with pytest.raises(RequestTooLargeError, match="--max-length is 16"):
        server.add("b", PROMPT, 17)


def test_preempted_request_comes_before_those_that_never_began() -> None:
    server = Server(make_manager(4))
    server.reconfigure(SchedulerConfig(max_batch_size=2, kvcache_ce_watermark=1.0))
    for name in "abc":
        server.add(name, PROMPT, 12)
    while not server.scheduler.num_preemptions:
        server.step()
    begun = ["a"]
    while len(begun) < 3:
        begun += [name for name in server.step() if name not in begun]
    assert begun == ["a", "b", "c"]


@pytest.mark.parametrize(("max_length", "left"), [(13, 0), (16, 1)])
def test_who_is_preempted_for_a_later_step_may_have_ended_all_the_same(
    max_length: int, left: int
) -> None:
    server = Server(make_manager(6))
    server.add("a")
    server.add("b", max_length=max_length)
    for _ in range(7):
        server.step()
    batch = server.scheduler.schedule()
    assert batch is not None
    outputs = server.pipeline.execute(TextGenerationInputs(batches=[batch.contexts]))
    server.scheduler.schedule()  # The next step, whose pages are those of "b".
    assert server.scheduler.num_preemptions == 1

    server.scheduler.finish_step(batch, outputs)

    assert (server.scheduler.num_running, server.scheduler.num_waiting) == (1, left)


def ask(server: Server, name: str, prompt: list[int], max_length: int) -> None:
    """A request of the client that its name begins with."""
    ctx = make_context(prompt, max_length, name)
    ctx.client = name[0]
    server.scheduler.add(ctx)


def begun(server: Server) -> list[str]:
    """The requests in the order in which they begin."""
    names: list[str] = []
    while server.scheduler.has_work:
        names += [name for name in server.step() if name not in names]
    return names


def test_clients_pay_for_what_was_computed_and_not_for_what_was_cached() -> None:
    server = Server(make_manager(64, caching=True), batch=1)
    shared = list(range(1, 13))
    ask(server, "x0", shared, 13)
    ask(server, "b0", [9] * 9, 10)
    ask(server, "a0", shared, 13)  # Two pages of 4 are there, and 4 tokens are computed.
    ask(server, "b1", PROMPT, 6)
    ask(server, "a1", PROMPT, 6)
    assert begun(server) == ["x0", "b0", "a0", "a1", "b1"]


def test_a_client_that_was_passed_gets_a_place_as_soon_as_it_is_owed_one() -> None:
    server = Server(make_manager(64), batch=2)
    ask(server, "c0", [9] * 35, 37)
    ask(server, "b0", PROMPT, 16)
    ask(server, "a0", [3, 7] * 11, 60)
    ask(server, "a1", PROMPT, 16)
    ask(server, "c1", PROMPT, 16)
    assert begun(server) == ["c0", "b0", "a0", "a1", "c1"]
    assert server.scheduler.num_preemptions == 1


def test_prompts_beside_streams_get_the_tokens_that_their_time_allows() -> None:
    config = SchedulerConfig(max_batch_size=4, max_batch_input_tokens=256, target_step_ms=50)
    server = TimedServer(config, lambda shape: 0.001 * (1 + shape.prompt_tokens))
    server.add("stream", 16, 100)
    server.step()
    long = server.add("long", 1500, 1)
    while not long.tokens.generated_length:
        server.step()
    usual = server.steps[-2]
    assert 32 <= usual.shape.prompt_tokens <= 56
    assert usual.predicted_s == pytest.approx(server.machine(usual.shape), rel=0.2)


def test_who_waits_for_the_last_token_that_fits_takes_no_part() -> None:
    server = Server()
    contexts = [server.add("a", max_length=6), server.add("b", max_length=7)]
    batch = server.scheduler.schedule()
    assert batch is not None
    for ctx in contexts:  # The step is launched, and its tokens are not known.
        ctx.expect_token()
        ctx.tokens.advance()
    batch = server.scheduler.schedule()
    assert batch is not None
    assert [ctx.request_id for ctx in batch.contexts] == ["b"]
