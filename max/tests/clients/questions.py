"""A conversation that the demo model was trained for: answers end with `#### ` and the result."""

QUESTION = "Tom has 3 apples and buys 5 more. How many apples does Tom have?"
ANSWER = "#### 8"
NEXT_QUESTION = "Ann has 2 pens and buys 4 more. How many pens does Ann have?"
MODEL = "demo"
