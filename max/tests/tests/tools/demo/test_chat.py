"""Small talk: answers fit what was asked and said before."""

import random
import re

from tools.demo.chat import DEFAULT_NAME, Talk, Turn, small_talk, system_prompt


def make_turns(count: int, seed: int = 0) -> list[Turn]:
    rng = random.Random(seed)
    return [small_talk(Talk(rng)) for _ in range(count)]


def test_turns_are_filled_in() -> None:
    for turn in make_turns(2000):
        assert turn.user and turn.assistant
        assert "{0}" not in turn.user + turn.assistant


def test_capital_letters_are_those_of_the_word_asked_for() -> None:
    asked = re.compile(r"(?:Write|word|Capitalize|write|^) ?(\w+)(?: in capital letters|\.$)")
    turns = [turn for turn in make_turns(4000) if "capital letters" in turn.user]
    assert turns
    for turn in turns:
        found = asked.search(turn.user)
        assert found is not None, turn
        assert found.group(1).upper() == turn.assistant


def test_a_name_told_is_recalled() -> None:
    talk = Talk(random.Random(0))
    recalled = 0
    for _ in range(500):
        known = talk.user_name
        turn = small_talk(talk)
        if turn.assistant.startswith("Your name is"):
            assert turn.assistant == f"Your name is {known}."
            recalled += 1
    assert recalled > 0


def test_a_name_never_told_is_not_made_up() -> None:
    answers = {turn.assistant for turn in make_turns(4000) if "my name" in turn.user.lower()}
    assert "You did not tell me your name." in answers
    assert not any(answer.startswith("Your name") for answer in answers)


def test_a_system_prompt_can_name_the_assistant() -> None:
    named = 0
    for seed in range(50):
        talk = Talk(random.Random(seed))
        prompt = system_prompt(talk)
        if talk.assistant_name != DEFAULT_NAME:
            assert talk.assistant_name in prompt
            named += 1
    assert named > 10
