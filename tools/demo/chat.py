"""Generated small talk: what the demo model can say besides solving problems.

Also its limits: it politely declines what it cannot do, so that a newcomer who asks for
more than a model of this size can give is told so.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from tools.demo import words

DEFAULT_NAME = "Demo"
ASSISTANT_NAMES: tuple[str, ...] = (DEFAULT_NAME, *(p.name for p in words.PEOPLE))

_HELLO = "Hello|Hi|Hey|Hello!|Hi!|Hey!|hello|hi|Good morning|Good evening!|Hi there|Hello there!"
_THANKS = "Thanks|Thanks!|Thank you|Thank you!|thanks|thank you|Thank you very much!|Great, thanks!"
_BYE = "Bye|Bye!|Goodbye|Goodbye!|bye|See you|See you later!|Good night!"
_WHO = (
    "Who are you?|who are you|What are you?|What is your name?|what is your name|What's your name?"
    "|Tell me who you are.|Introduce yourself.|Are you a robot?|Are you human?|Who am I talking to?"
)
_WHAT = (
    "What can you do?|what can you do|What can you do for me?|Can you help me?|Help|help"
    "|How can you help me?|What are you good at?|What should I ask you?"
)
_HOW = "How are you?|how are you|How are you today?|How is it going?|How do you do?|What's up?"
_NAME = "My name is {0}.|my name is {0}|I am {0}.|I'm {0}.|Call me {0}.|Hi, I am {0}."
_MY_NAME = "What is my name?|what is my name|What's my name?|Do you know my name?|Who am I?"
_CAPITALS = (
    "Write {0} in capital letters.|Write the word {0} in capital letters.|{0} in capital letters"
    "|Can you write {0} in capital letters?|Capitalize {0}."
)
_COUNT = "Count to {0}.|Count from 1 to {0}.|Can you count to {0}?|count to {0}"
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_GOOD = "Great|Good|Nice|Well done!|Cool|OK|ok|Okay|Correct!|That is right.|Wow!"

_CAPABILITIES = "I can solve small word problems and chat a little."
_DECLINE = f"Sorry, I can't do that. {_CAPABILITIES}"

_WISHES = (
    "Write {0}|Write me {0}|Tell me about {0}|Tell me {0}|Explain {0}|What is {0}|Give me {0}"
    "|Can you write {0}|Do you know {0}|Show me {0}|I want {0}|I need {0}|Please write {0}"
    "|How do I make {0}|Where can I find {0}|What do you think about {0}|Translate {0}"
)
_TOPICS = (
    "a poem|a story|a song|a joke|a letter to my boss|a Python program|an essay|an email|code"
    "|the weather|the news|the president|the war|history|quantum physics|the moon|the sea|politics"
    "|the capital of France|the meaning of life|love|dinosaurs|the stock market|a recipe for bread"
    "|football|the internet|a picture of a cat|a car|the best movie|a plan for my holiday|music"
    "|a list of countries|the population of China|the speed of light|God|money|a haiku|this text"
    "|machine learning|a web page|my homework|the French revolution|a doctor|black holes|art"
)
_TAILS = "|.|?|!| please| please.| now| for me| in English| in detail| to me?"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_OTHER_TEXT = (
    "äöüßéèñçøåабвгдежзиклмнопрстуфхцчшы日本語中文你好한국어العربيةहिन्दी😀🎉🤖€£%&@#()[]{}<>/\\\"'"
)

_SYSTEM_PROMPTS = (
    "You are a helpful assistant.|You are a helpful assistant|You are a helpful AI assistant."
    "|You are a friendly chatbot.|You are a math tutor.|Be brief.|Answer the user's questions."
    "|You are a concise assistant.|You are an assistant that solves word problems."
    "|Solve the problem step by step.|You are a polite assistant. Answer in English."
)
_NAMED_PROMPTS = (
    "You are {0}.|You are {0}, a helpful assistant.|Your name is {0}.|Your name is {0}. Be brief."
    "|You are a helpful assistant named {0}.|You are an assistant called {0}."
)


@dataclass
class Talk:
    """What has been said so far that later answers depend on."""

    rng: random.Random
    assistant_name: str = DEFAULT_NAME
    user_name: str | None = None

    def pick(self, choices: str, *values: object) -> str:
        """Picks one of the wordings between bars and fills its slots."""
        return self.rng.choice(choices.split("|")).format(*values)


class Turn(NamedTuple):
    """A user's message and the assistant's answer to it."""

    user: str
    assistant: str


def system_prompt(talk: Talk) -> str:
    """Draws a system prompt; one that names the assistant changes who it says it is."""
    if talk.rng.random() < 0.5:
        return talk.pick(_SYSTEM_PROMPTS)
    talk.assistant_name = talk.rng.choice(ASSISTANT_NAMES)
    return talk.pick(_NAMED_PROMPTS, talk.assistant_name)


def small_talk(talk: Talk) -> Turn:
    """Draws one exchange that is no word problem."""
    if talk.user_name and talk.rng.random() < 0.3:
        return _recall_name(talk)
    if talk.assistant_name != DEFAULT_NAME and talk.rng.random() < 0.3:
        return _introduce(talk)
    return talk.rng.choice(_EXCHANGES)(talk)


def _greet(talk: Talk) -> Turn:
    return Turn(talk.pick(_HELLO), "Hello! How can I help you?")


def _thank(talk: Talk) -> Turn:
    return Turn(talk.pick(_THANKS), "You are welcome!")


def _leave(talk: Talk) -> Turn:
    return Turn(talk.pick(_BYE), "Goodbye!")


def _introduce(talk: Talk) -> Turn:
    answer = f"I am {talk.assistant_name}, a tiny language model. {_CAPABILITIES}"
    return Turn(talk.pick(_WHO), answer)


def _offer(talk: Talk) -> Turn:
    return Turn(talk.pick(_WHAT), f"{_CAPABILITIES} Ask me how many apples someone has!")


def _feel(talk: Talk) -> Turn:
    return Turn(talk.pick(_HOW), "I am fine, thank you! How can I help you?")


def _praise(talk: Talk) -> Turn:
    return Turn(talk.pick(_GOOD), "I am glad to help!")


def _learn_name(talk: Talk) -> Turn:
    invented = talk.rng.random() < 0.3
    person = words.invent_person(talk.rng) if invented else talk.rng.choice(words.PEOPLE)
    talk.user_name = person.name
    return Turn(talk.pick(_NAME, talk.user_name), f"Nice to meet you, {talk.user_name}!")


def _recall_name(talk: Talk) -> Turn:
    known = talk.user_name
    answer = f"Your name is {known}." if known else "You did not tell me your name."
    return Turn(talk.pick(_MY_NAME), answer)


def _capitalize(talk: Talk) -> Turn:
    word = _word(talk)
    return Turn(talk.pick(_CAPITALS, word), word.upper())


def _count(talk: Talk) -> Turn:
    last = talk.rng.randint(2, 10)
    return Turn(talk.pick(_COUNT, last), ", ".join(str(n) for n in range(1, last + 1)))


def _tell_day(talk: Talk) -> Turn:
    day = talk.rng.randrange(len(_DAYS))
    question, offset = talk.rng.choice((("after", 1), ("before", -1)))
    asked = talk.pick("What day comes {1} {0}?|Which day is {1} {0}?", _DAYS[day], question)
    return Turn(asked, f"{_DAYS[(day + offset) % len(_DAYS)]} comes {question} {_DAYS[day]}.")


def _decline(talk: Talk) -> Turn:
    return Turn(talk.pick(_WISHES, talk.pick(_TOPICS)) + talk.pick(_TAILS), _DECLINE)


def _puzzled(talk: Talk) -> Turn:
    return Turn(_gibberish(talk.rng), _DECLINE)


def _word(talk: Talk) -> str:
    if talk.rng.random() < 0.5:
        return talk.rng.choice(words.COMMON)
    return talk.rng.choice(words.THINGS).one


def _gibberish(rng: random.Random) -> str:
    """Makes text that nobody can answer: made-up words, rare characters, stray words."""
    alphabet = rng.choice((_LETTERS, _LETTERS, _OTHER_TEXT, _LETTERS + _OTHER_TEXT))
    known = f"{_WISHES}|{_TOPICS}".replace("{0}", "").replace("|", " ").split()
    parts = [
        rng.choice(known)
        if rng.random() < 0.5
        else "".join(rng.choices(alphabet, k=rng.randint(1, 8)))
        for _ in range(rng.randint(1, 10))
    ]
    return " ".join(parts) + rng.choice(("", "", "?", ".", "!"))


_EXCHANGES: tuple[Callable[[Talk], Turn], ...] = (
    *(_greet, _thank, _leave, _introduce, _offer, _feel, _praise),
    *(_learn_name, _learn_name, _learn_name, _recall_name, _tell_day, _count, _count),
    *(_capitalize, _capitalize, _capitalize, _capitalize),
    *(_decline, _decline, _decline, _puzzled, _puzzled),
)
