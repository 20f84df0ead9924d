"""The words that generated problems and chats are made of."""

import random
from typing import NamedTuple


class Person(NamedTuple):
    """A first name and the pronouns that go with it."""

    name: str
    he: str
    his: str


class Thing(NamedTuple):
    """A countable noun, one of it and several of it."""

    one: str
    many: str


class Activity(NamedTuple):
    """Something that a person does a countable number of times: `reads 5 pages`."""

    does: str
    do: str
    things: str


def _words(*lines: str) -> tuple[str, ...]:
    return tuple(" ".join(lines).split())


def _things(*lines: str) -> tuple[Thing, ...]:
    """Reads `one/many` pairs; a bare word takes a plain `s`."""
    pairs = (word.partition("/") for word in _words(*lines))
    return tuple(Thing(one, many or f"{one}s") for one, _, many in pairs)


_GIRLS = _words(
    "Anna Maria Sara Emma Olivia Mia Lily Grace Nora Zoe Ella Ruth Alice Clara Eva Julia Laura",
    "Sofia Amina Priya Mei Yuki Fatima Leila Ines Rosa Hannah Kate Lucy Chloe Maya Nina Tara Vera",
)
_BOYS = _words(
    "Tom Ben Sam Jack Leo Max Noah Liam Paul Peter Omar Ali Ravi Juan Carlos Luca Ivan Kofi Hiro",
    "Adam David Mark Eric Felix Hugo Oscar Daniel Simon Victor Henry Jonas Karl Dylan Amir",
)

PEOPLE: tuple[Person, ...] = (
    *(Person(name, "she", "her") for name in _GIRLS),
    *(Person(name, "he", "his") for name in _BOYS),
)

THINGS: tuple[Thing, ...] = _things(
    "apple orange banana lemon peach/peaches pear plum cookie muffin cupcake egg carrot",
    "potato/potatoes tomato/tomatoes onion sandwich/sandwiches pizza cake donut candy/candies",
    "book pencil pen marker notebook eraser crayon sticker stamp card coin marble",
    "toy ball balloon kite doll puzzle block button bead shell stone rock",
    "flower rose tulip seed leaf/leaves feather ribbon badge magnet postcard photo poster",
    "shirt hat scarf/scarves sock glove towel pillow blanket candle lamp cup plate",
    "spoon bottle bowl mug key bolt nail brick tile ticket battery/batteries whistle",
)

CONTAINERS: tuple[Thing, ...] = _things(
    "box/boxes bag basket jar crate shelf/shelves drawer tray pack carton bucket case"
)

GROUPS: tuple[str, ...] = _words(
    "friends children students neighbors cousins classmates players teams",
    "families guests teachers helpers",
)

COMMON: tuple[str, ...] = _words(
    "hello world yes no thanks please cat dog house water sun moon tree car demo python computer",
    "word letter capital big small good happy red blue green music school friend morning night",
)

PLACES: tuple[str, ...] = _words(
    "school farm library park museum bakery garden zoo hotel theater station",
    "market factory harbor camp office",
)

GAINS: tuple[str, ...] = _words("buys buys gets gets finds picks wins receives")
LOSES: tuple[str, ...] = ("loses", "loses", "gives away", "sells", "uses", "drops")

ACTIVITIES: tuple[Activity, ...] = tuple(
    Activity(*words.split())
    for words in (
        "reads read pages",
        "bakes bake cakes",
        "paints paint pictures",
        "runs run miles",
        "plants plant trees",
        "writes write letters",
        "washes wash cars",
        "knits knit hats",
        "picks pick berries",
        "folds fold towels",
        "sells sell tickets",
        "solves solve puzzles",
        "makes make bracelets",
        "repairs repair bikes",
        "draws draw maps",
        "learns learn songs",
        "builds build chairs",
        "collects collect shells",
        "delivers deliver boxes",
        "cleans clean windows",
    )
)

_ONSETS = _words("b bl br c ch d dr f fl g gr h j k kl l m n p pr qu r s sh st t tr v w y z zh")
_VOWELS = _words("a e i o u a e i o u ai ee ia oo ou")
_ENDS = _words("n r l s x k m t d ck nd rt ng ff")


def invent_word(rng: random.Random) -> str:
    """Makes up a word, in small letters, that can be pronounced."""
    syllables = (
        rng.choice(_ONSETS)
        + rng.choice(_VOWELS)
        + (rng.choice(_ENDS) if rng.random() < 0.4 else "")
        for _ in range(rng.randint(1, 3))
    )
    return "".join(syllables)


def invent_person(rng: random.Random) -> Person:
    """Makes up a name, with the pronouns of a real one."""
    return rng.choice(PEOPLE)._replace(name=invent_word(rng).capitalize())


def invent_thing(rng: random.Random) -> Thing:
    """Makes up a countable noun."""
    word = invent_word(rng)
    return Thing(word, f"{word}s")
