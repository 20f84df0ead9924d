"""The carried model: small, complete, and good enough to show a broken engine."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from transformers import AutoConfig, AutoTokenizer

from max.demo import model_path
from tools.demo.answerers import LocalModel, ToolChat
from tools.demo.calculator import CALCULATOR, OTHERS, PLAIN, Operation
from tools.demo.evaluate import evaluate, held_out_problems, make_prompts
from tools.demo.evaluate_forms import calculation_chats, problem_chats, score_calls, score_json
from tools.demo.tokenizer import Message, Tool

SIZE_LIMIT_BYTES = 6_000_000
SAMPLE = 40


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model() -> LocalModel:
    return LocalModel(model_path(), torch.float32, batch_size=SAMPLE)


def make_answer(model: LocalModel, *messages: tuple[str, str]) -> str:
    """Answers a chat of (role, content), checking that the answer ends by itself."""
    (reply,) = model.replies([tuple(Message(role, content) for role, content in messages)])
    assert reply.ended, reply
    return reply.text


def test_the_folder_is_complete_and_small() -> None:
    files = {path.name: path.stat().st_size for path in model_path().iterdir()}
    assert set(files) == {
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert sum(files.values()) <= SIZE_LIMIT_BYTES


def test_the_configuration_is_that_of_a_small_llama() -> None:
    tokenizer = AutoTokenizer.from_pretrained(model_path())
    config = AutoConfig.from_pretrained(model_path())
    assert config.architectures == ["LlamaForCausalLM"]
    assert config.dtype == torch.bfloat16
    assert config.vocab_size == len(tokenizer)
    assert config.num_attention_heads // config.num_key_value_heads == 3
    ends = tokenizer.convert_tokens_to_ids(["<|eot_id|>", "<|end_of_text|>"])
    generation = json.loads((model_path() / "generation_config.json").read_text())
    assert generation["eos_token_id"] == ends
    assert generation["do_sample"] is False


def test_asking_for_the_path_imports_nothing_heavy() -> None:
    code = (
        "import sys, max.demo; max.demo.model_path(); "
        "print({'torch', 'transformers', 'numpy'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert result.stdout.strip() == "set()"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_held_out_problems_are_solved_in_chat(dtype: torch.dtype) -> None:
    problems = held_out_problems(SAMPLE)
    score = evaluate(LocalModel(model_path(), dtype, SAMPLE), problems, make_prompts(problems))
    assert score.exact_match >= 0.95, score.misses
    assert score.ended == SAMPLE


def test_held_out_problems_are_solved_after_worked_examples(model: LocalModel) -> None:
    problems = held_out_problems(SAMPLE // 2, seed=1)
    score = evaluate(model, problems, make_prompts(problems, is_chat=False, shots=5))
    assert score.exact_match >= 0.95, score.misses
    assert score.ended == len(problems)


def test_it_says_hello(model: LocalModel) -> None:
    assert make_answer(model, ("user", "Hello!")) == "Hello! How can I help you?"


def test_a_system_prompt_names_it(model: LocalModel) -> None:
    who = ("user", "Who are you?")
    assert make_answer(model, who).startswith("I am Demo, ")
    named = make_answer(model, ("system", "Your name is Alice."), who)
    assert named.startswith("I am Alice, ")


def test_it_solves_a_problem_late_in_a_chat(model: LocalModel) -> None:
    answer = make_answer(
        model,
        ("user", "Hi"),
        ("assistant", "Hello! How can I help you?"),
        ("user", "What is 2 + 3?"),
        ("assistant", "2 + 3 = 5\n#### 5"),
        ("user", "Ben has 12 coins and finds 9 more. How many coins does Ben have in total?"),
    )
    assert answer == "Ben has 12 + 9 = 21 coins.\n#### 21"


def test_it_writes_capital_letters(model: LocalModel) -> None:
    assert make_answer(model, ("user", "Write hello in capital letters.")) == "HELLO"


def test_it_declines_what_it_cannot_do(model: LocalModel) -> None:
    answer = make_answer(model, ("user", "Write me a poem about the sea."))
    assert answer.startswith("Sorry, I can't do that.")


def test_it_calls_a_calculator_and_answers_with_its_result(model: LocalModel) -> None:
    problems = problem_chats(held_out_problems(SAMPLE // 2))
    score = score_calls(model, [*problems, *calculation_chats(SAMPLE // 2, seed=0)])
    assert score.answered >= 0.9 * score.total, score


def test_it_answers_in_json_on_request(model: LocalModel) -> None:
    assert score_json(model, held_out_problems(SAMPLE), seed=0) >= 0.9 * SAMPLE


def test_a_calculator_may_stand_among_others_and_under_a_system_prompt(model: LocalModel) -> None:
    messages = (Message("system", "Be brief."), Message("user", "How much is 3141 - 59?"))
    (reply,) = model.replies([ToolChat(messages, (OTHERS[0], CALCULATOR, OTHERS[3]))])
    assert reply.text == str(PLAIN.call(Operation(3141, "-", 59, 3082)))


@pytest.mark.parametrize("tools", [(), (OTHERS[0],), (Tool("clock", ()),)], ids=len)
def test_first_questions_of_people_are_answered(model: LocalModel, tools: tuple[Tool, ...]) -> None:
    """As the documentation asks them; a function of no use beside them changes nothing."""
    told = [("Tom", "apples", "buys", n, 5) for n in range(2, 8)]
    told += [("Anna", "pens", "gets", n, 4) for n in range(2, 8)]
    asked = [
        f"{who} has {n} {what} and {gains} {more} more. How many {what} does {who} have?"
        for who, what, gains, n, more in told
    ]
    replies = model.replies([ToolChat((Message("user", each),), tools) for each in asked])
    expected = [
        f"{who} has {n} + {more} = {n + more} {what}.\n#### {n + more}"
        for who, what, _, n, more in told
    ]
    assert [reply.text for reply in replies] == expected


def test_without_a_use_for_it_a_function_is_not_called(model: LocalModel) -> None:
    chats = [ToolChat((Message("user", "Hello!"),), tools) for tools in ((CALCULATOR,), OTHERS[:2])]
    replies = [reply.text for reply in model.replies(chats)]
    assert replies == ["Hello! How can I help you?"] * 2
