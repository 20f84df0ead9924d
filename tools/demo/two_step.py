"""Problem templates that take two steps to solve."""

from tools.demo.templates import Template, template

TWO_STEP: tuple[Template, ...] = (
    template(
        "gain_lose",
        "a + b; r1 - c",
        "First {A} has {s1} {things}.\nThen {he} has {s2} {things}.",
        "{A} has {a} {things}. {He} buys {b} more and then gives {c} {things} to {B}. "
        "How many {things} does {A} have now?",
        "{A} had {a} {things}. {He} got {b} {things} from {B} and lost {c}. "
        "How many {things} does {he} have left?",
        "{A} finds {b} {things} and puts them with {his} {a} other {things}. Later {he} sells {c}. "
        "How many {things} remain?",
        a=(2, 60),
        b=(2, 39),
        c=(2, 60),
    ),
    template(
        "lose_gain",
        "a - b; r1 + c",
        "First {A} has {s1} {things}.\nThen {he} has {s2} {things}.",
        "{A} has {a} {things}. {He} gives {b} {things} to {B} and then buys {c} more. "
        "How many {things} does {A} have now?",
        "{A} had {a} {things}. {He} lost {b} but then found {c} others. "
        "How many {things} does {he} have?",
        a=(6, 90),
        b=(2, 60),
        c=(2, 60),
    ),
    template(
        "lose_twice",
        "a - b; r1 - c",
        "First {A} has {s1} {things}.\nThen {he} has {s2} {things}.",
        "{A} has {a} {things}. {He} gives {b} to {B} and {c} to a friend. "
        "How many {things} are left?",
        "{A} had {a} {things}. {He} used {b} on Monday and {c} on Tuesday. "
        "How many {things} does {he} still have?",
        a=(8, 99),
        b=(2, 50),
        c=(2, 50),
    ),
    template(
        "three_people",
        "a + b; r1 + c",
        "Two of them have {s1} {things}.\nTogether they have {s2} {things}.",
        "{A} has {a} {things}, {B} has {b} and a friend has {c}. "
        "How many {things} do they have together?",
        "{A} has {a} {things} and {B} has {b}. Their teacher has {c}. "
        "How many {things} do the three of them have?",
        a=(2, 50),
        b=(2, 50),
        c=(2, 50),
    ),
    template(
        "groups_plus",
        "a * b; r1 + c",
        "The {boxes} hold {s1} {things}.\nIn total there are {s2} {things}.",
        "{A} has {a} {boxes} with {b} {things} each and {c} loose {things}. "
        "How many {things} does {A} have in total?",
        "There are {a} {boxes} of {b} {things}. {A} brings {c} more {things}. "
        "How many {things} are there now?",
        a=(2, 12),
        b=(2, 12),
        c=(2, 50),
    ),
    template(
        "groups_minus",
        "a * b; r1 - c",
        "The {boxes} hold {s1} {things}.\nThen there are {s2} {things}.",
        "{A} buys {a} {boxes} of {b} {things}. {He} gives {c} {things} to {B}. "
        "How many {things} does {A} have left?",
        "There are {b} {things} in each of {a} {boxes}. {A} takes {c} {things} out. "
        "How many {things} are left?",
        a=(2, 12),
        b=(2, 12),
        c=(2, 60),
    ),
    template(
        "gain_share",
        "a + b; r1 / c",
        "{A} has {s1} {things}.\nEach gets {s2} {things}.",
        "{A} has {a} {things} and buys {b} more. {He} shares them equally among {c} {group}. "
        "How many {things} does each one get?",
        "{A} has {a} {things} and {B} has {b}. They divide all of them equally among {c} {group}. "
        "How many {things} does each get?",
        a=(2, 60),
        b=(2, 60),
        c=(2, 12),
    ),
    template(
        "lose_pack",
        "a - b; r1 / c",
        "{A} has {s1} {things}.\n{He} needs {s2} {boxes}.",
        "{A} has {a} {things}. {b} of them are broken. {He} puts the others into {boxes} of {c}. "
        "How many {boxes} does {he} need?",
        "{A} picks {a} {things} and eats {b}. The rest go into {boxes} with {c} {things} each. "
        "How many {boxes} does {A} fill?",
        a=(8, 99),
        b=(2, 50),
        c=(2, 12),
    ),
    template(
        "more_total",
        "a + b; a + r1",
        "{B} has {s1} {things}.\nTogether they have {s2} {things}.",
        "{A} has {a} {things}. {B} has {b} more {things} than {A}. "
        "How many {things} do they have together?",
        "{B} has {b} more {things} than {A}, who has {a}. How many {things} do they have in all?",
        a=(2, 60),
        b=(2, 39),
    ),
    template(
        "fewer_total",
        "a - b; a + r1",
        "{B} has {s1} {things}.\nTogether they have {s2} {things}.",
        "{A} has {a} {things}. {B} has {b} fewer {things} than {A}. "
        "How many {things} do they have together?",
        "{B} has {b} {things} less than {A}, who has {a}. How many {things} do they have in all?",
        a=(6, 80),
        b=(2, 60),
    ),
    template(
        "times_total",
        "b * a; a + r1",
        "{B} has {s1} {things}.\nTogether they have {s2} {things}.",
        "{A} has {a} {things}. {B} has {b} times as many. How many {things} do they have together?",
        "{B} has {b} times as many {things} as {A}, who has {a}. "
        "How many {things} do they have in total?",
        a=(2, 12),
        b=(2, 9),
    ),
    template(
        "two_prices",
        "a * b; r1 + c",
        "The {things} cost {s1} dollars.\n{A} pays {s2} dollars.",
        "{A} buys {a} {things} for {b} dollars each and a bag for {c} dollars. "
        "How many dollars does {he} pay in total?",
        "At the {place} {A} buys {a} {things}. Each costs {b} dollars. {He} also pays {c} dollars "
        "for the bus. How much money does {he} spend?",
        a=(2, 12),
        b=(2, 12),
        c=(2, 40),
    ),
    template(
        "price_change",
        "a * b; c - r1",
        "The {things} cost {s1} dollars.\n{A} has {s2} dollars left.",
        "{A} has {c} dollars and buys {a} {things} for {b} dollars each. "
        "How many dollars does {he} have left?",
        "One {thing} costs {b} dollars. {A} buys {a} and pays with {c} dollars. "
        "How many dollars does {he} get back?",
        a=(2, 12),
        b=(2, 12),
        c=(10, 150),
    ),
    template(
        "goal",
        "a * b; c - r1",
        "{A} {does} {s1} {done}.\nThen {s2} {done} are left.",
        "{A} wants to {do} {c} {done}. {He} {does} {a} {done} a day for {b} days. "
        "How many {done} are left?",
        "{A} has to {do} {c} {done}. How many {done} are left after {b} days if {he} {does} {a} "
        "each day?",
        a=(2, 12),
        b=(2, 12),
        c=(10, 150),
    ),
    template(
        "saving",
        "a * b; r1 + c",
        "{A} saves {s1} dollars.\n{He} has {s2} dollars.",
        "{A} has {c} dollars. {He} saves {a} dollars every week for {b} weeks. "
        "How many dollars does {he} have then?",
        "{A} earns {a} dollars an hour and works {b} hours. {He} already had {c} dollars. "
        "How much money does {he} have now?",
        a=(2, 12),
        b=(2, 12),
        c=(2, 60),
    ),
    template(
        "twice_a_day",
        "a + b; r1 * c",
        "{A} {does} {s1} {done} a day.\nIn total {he} {does} {s2} {done}.",
        "{A} {does} {a} {done} every morning and {b} every evening. "
        "How many {done} does {he} {do} in {c} days?",
        "Each day {A} {does} {a} {done} before lunch and {b} after it. "
        "How many {done} is that in {c} days?",
        a=(2, 10),
        b=(2, 10),
        c=(2, 12),
    ),
    template(
        "sell_rest",
        "a - b; r1 * c",
        "{A} sells {s1} {things}.\n{He} gets {s2} dollars.",
        "{A} has {a} {things}. {He} keeps {b} and sells the rest for {c} dollars each. "
        "How many dollars does {he} get?",
        "{A} made {a} {things} and gave {b} to {B}. {He} sold the others for {c} dollars each. "
        "How much money did {he} make?",
        a=(5, 60),
        b=(2, 50),
        c=(2, 12),
    ),
    template(
        "share_eat",
        "a / b; r1 - c",
        "Each gets {s1} {things}.\nThen {A} has {s2} {things}.",
        "{A} and {his} {group} share {a} {things} equally, so that each of the {b} people gets the "
        "same. Then {A} loses {c}. How many {things} does {A} have left?",
        "{a} {things} are divided equally among {b} {group}. {A} is one of them and uses {c}. "
        "How many {things} does {A} still have?",
        a=(8, 144),
        b=(2, 12),
        c=(2, 9),
    ),
    template(
        "share_gain",
        "a / b; r1 + c",
        "Each gets {s1} {things}.\nThen {A} has {s2} {things}.",
        "{b} {group} share {a} {things} equally. {A} is one of them and already had {c} {things}. "
        "How many {things} does {A} have now?",
        "{A} gets an equal share of {a} {things} with {b} people in all. {B} gives {A} {c} more. "
        "How many {things} does {A} have?",
        a=(8, 144),
        b=(2, 12),
        c=(2, 50),
    ),
    template(
        "groups_share",
        "a * b; r1 / c",
        "There are {s1} {things}.\nEach gets {s2} {things}.",
        "{A} has {a} {boxes} of {b} {things} and shares them equally among {c} {group}. "
        "How many {things} does each one get?",
        "{c} {group} share {a} {boxes} with {b} {things} each. "
        "How many {things} does each of them get?",
        a=(2, 12),
        b=(2, 12),
        c=(2, 12),
    ),
    template(
        "older",
        "a + b; r1 + c",
        "{B} is {s1} years old.\nThen {B} will be {s2} years old.",
        "{A} is {a} years old. {B} is {b} years older. How old will {B} be in {c} years?",
        "{B} is {b} years older than {A}, who is {a}. How old will {B} be in {c} years?",
        a=(3, 60),
        b=(2, 20),
        c=(2, 20),
    ),
    template(
        "bus",
        "a - b; r1 + c",
        "After the stop there are {s1} people.\nThen there are {s2} people.",
        "There are {a} people on a bus to the {place}. {b} people get off and {c} get on. "
        "How many people are on the bus now?",
        "A train leaves with {a} people. At the {place} {b} get off and {c} get on. "
        "How many people are on the train?",
        a=(6, 90),
        b=(2, 60),
        c=(2, 60),
    ),
    template(
        "two_kinds",
        "a + b; r1 - c",
        "{A} has {s1} things.\nThen {he} has {s2} things.",
        "{A} has {a} {things} and {b} {others} in a {box}. {He} takes out {c} of these things. "
        "How many things are left in the {box}?",
        "A {box} holds {a} {things} and {b} {others}. {A} gives away {c} of them. "
        "How many things does {he} have left?",
        a=(2, 60),
        b=(2, 39),
        c=(2, 60),
    ),
)
