"""What a problem template is, and the table of all of them.

A template's text has these slots:

    {a} {b} {c}             the problem's numbers
    {s1} {s2}               the worked steps, such as `24 + 13 = 37`
    {A} {he} {He} {his}     the first person, with pronouns; {B} another person
    {things} {thing}        countable nouns; {others} a second, different noun
    {boxes} {box}           containers
    {group} {place}         people who share something; somewhere
    {gains} {loses}         what one does to have more or fewer things
    {does} {do} {done}      an activity: `reads`, `read` and what is counted, `pages`
"""

from typing import NamedTuple

Range = tuple[int, int]


class Template(NamedTuple):
    """One kind of problem.

    Attributes:
        key: Unique name; with the numbers it decides the split a problem is in.
        numbers: Inclusive range of each of the numbers `a`, `b`, `c` that occur.
        steps: One or two expressions `x op y` over `a`, `b`, `c`, the first
            step's result `r1`, and literal integers.
        working: The text of the answer, without its final line.
        questions: Different wordings of the same question.
    """

    key: str
    numbers: dict[str, Range]
    steps: tuple[str, ...]
    working: str
    questions: tuple[str, ...]


def template(key: str, steps: str, working: str, *questions: str, **numbers: Range) -> Template:
    """Builds a template; `steps` are separated by a semicolon."""
    return Template(key, numbers, tuple(s.strip() for s in steps.split(";")), working, questions)
