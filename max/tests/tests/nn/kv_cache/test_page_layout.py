"""How groups of layers share pages of one size."""

from __future__ import annotations

import pytest

from max.dtype import DType
from max.nn.kv_cache import CacheGroup, KeyValue, Latent, PageLayout, Slot, State, Window

KEY_VALUE = KeyValue(DType.bfloat16, 2, 8)
LAYER_BYTES = 2 * 16 * 2 * 8 * 2  # A page of one layer of 16 tokens.


def make_layout(*counts: int, entry: KeyValue = KEY_VALUE) -> PageLayout:
    """Groups of so many layers, all but the last one windowed."""
    groups, first = [], 0
    for number, count in enumerate(counts):
        keep = {} if number == len(counts) - 1 else {"keep": Window(4 + number)}
        layers = tuple(range(first, first + count))
        groups.append(CacheGroup(f"group {number}", layers, entry, **keep))
        first += count
    return PageLayout.of(groups, page_size=16)


def layers_of(layout: PageLayout) -> list[int]:
    return [len(table.layers) for table in layout.tables]


def test_one_group_has_one_table() -> None:
    layout = make_layout(30)
    assert layers_of(layout) == [30]
    assert layout.bytes_per_page == 30 * LAYER_BYTES
    assert layout.places[7] == (0, 7)
    assert layout.tables[0].shape == (2, 30, 16, 2, 8)


@pytest.mark.parametrize(
    ("counts", "layers"),
    [
        ((5, 1), [1, 1, 1, 1, 1, 1]),
        ((6, 6), [6, 6]),
        # Gemma 3's: one place of 24 is empty, which spares six tables.
        ((22, 4), [4, 4, 4, 4, 4, 2, 4]),
    ],
)
def test_few_tables_and_little_padding(counts: tuple[int, ...], layers: list[int]) -> None:
    layout = make_layout(*counts)
    assert layers_of(layout) == layers
    assert layout.bytes_per_page == max(layers) * LAYER_BYTES
    assert sorted(layout.places) == list(range(sum(counts)))
    for layer, (table, index) in layout.places.items():
        assert layout.tables[table].layers[index] == layer


def test_tables_of_equal_entries_see_the_memory_alike() -> None:
    assert make_layout(5, 1).views == (0,) * 6
    groups = [
        CacheGroup("full", (0,), KEY_VALUE),
        CacheGroup("latent", (1, 2), Latent(DType.bfloat16, 30)),
        CacheGroup("window", (3,), KEY_VALUE, Window(3)),
        CacheGroup("state", (4,), State(DType.float32, (3, 50)), Slot()),
    ]
    layout = PageLayout.of(groups, page_size=16)
    looks = [(table.group.entry.dtype, table.shape) for table in layout.tables]
    assert [looks[view] for view in layout.views] == looks
    assert len(set(layout.views)) == 3
    assert layout.bytes_per_page % 64 == 0


def test_a_page_holds_at_least_one_layer_of_the_largest_entry() -> None:
    state = State(DType.float32, (100, 100))
    groups = [CacheGroup("full", (0, 1), KEY_VALUE), CacheGroup("state", (2,), state, Slot())]
    layout = PageLayout.of(groups, page_size=16)
    assert layers_of(layout) == [2, 1]
    assert layout.bytes_per_page == 40_000


def test_entries_and_rules_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'a' keeps State.* a State is kept in a Slot"):
        CacheGroup("a", (0,), State(DType.float32, (4,)))
    with pytest.raises(ValueError, match=r"'a' keeps KeyValue.*Slot"):
        CacheGroup("a", (0,), KEY_VALUE, Slot())
    with pytest.raises(ValueError, match="'a' needs layers, each once"):
        CacheGroup("a", (0, 0), KEY_VALUE)
    with pytest.raises(ValueError, match="at least 1 token"):
        Window(0)
