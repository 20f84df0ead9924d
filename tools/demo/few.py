"""Problem templates with small numbers, in the words in which people try a model out."""

from tools.demo.templates import Template, template

FEW: tuple[Template, ...] = (
    template(
        "few_more",
        "a + b",
        "{A} has {s1} {things}.",
        "{A} has {a} {things} and {gains} {b} more. How many {things} does {A} have?",
        "{A} has {a} {things} and {gains} {b} more. How many {things} does {he} have now?",
        "{A} has {a} {things} and {gains} {b} more {things}. How many {things} does {A} have now?",
        "{A} has {a} {things}. {He} {gains} {b} more. How many {things} does {A} have?",
        "If {A} has {a} {things} and {gains} {b}, how many {things} does {he} have?",
        a=(1, 12),
        b=(1, 12),
    ),
    template(
        "few_less",
        "a - b",
        "{A} has {s1} {things} left.",
        "{A} has {a} {things} and {loses} {b}. How many {things} does {A} have left?",
        "{A} has {a} {things} and {loses} {b} of them. How many {things} does {he} have?",
        "{A} has {a} {things} and gives {b} to {B}. How many {things} does {A} have?",
        "{A} has {a} {things}. {He} {loses} {b}. How many {things} does {A} have now?",
        a=(4, 20),
        b=(1, 12),
    ),
    template(
        "few_more_less",
        "a + b; r1 - c",
        "First {A} has {s1} {things}.\nThen {he} has {s2} {things}.",
        "{A} has {a} {things}. {He} {gains} {b} more and then gives {c} {things} to {B}. "
        "How many has {he} now?",
        "{A} has {a} {things}, {gains} {b} more and {loses} {c}. How many {things} does {he} have?",
        "{A} has {a} {things}. {He} {gains} {b} and {loses} {c}. "
        "How many {things} does {A} have left?",
        a=(1, 20),
        b=(1, 12),
        c=(1, 12),
    ),
    template(
        "few_less_more",
        "a - b; r1 + c",
        "First {A} has {s1} {things}.\nThen {he} has {s2} {things}.",
        "{A} has {a} {things}, {loses} {b} and {gains} {c} more. How many {things} does {he} have?",
        "{A} has {a} {things}. {He} {loses} {b} and then {gains} {c}. "
        "How many {things} does {A} have now?",
        a=(4, 20),
        b=(1, 12),
        c=(1, 12),
    ),
)
