"""The table of starts."""

from tools.benchmarks.start_times import Start, make_table


def test_starts_of_a_tree_stand_in_a_line_with_their_medians() -> None:
    starts = [
        Start("generate", "old", 3.0, 4.0),
        Start("generate", "new", 2.0, 2.5),
        Start("generate", "old", 4.0, 5.0),
        Start("serve", "new", 2.25, 3.0),
    ]
    assert make_table(starts).splitlines()[2:] == [
        "| generate | old | 3.00, 4.00 | 3.50 | 4.50 |",
        "| generate | new | 2.00 | 2.00 | 2.50 |",
        "| serve | new | 2.25 | 2.25 | 3.00 |",
    ]
