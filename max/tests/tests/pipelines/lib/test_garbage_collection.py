"""Tests of `max.pipelines.lib.garbage_collection`."""

from __future__ import annotations

import gc

import pytest

from max.pipelines.lib.garbage_collection import no_collection_while_loading


def test_nothing_is_collected_within_and_what_was_loaded_is_left_out_afterwards() -> None:
    before = gc.get_freeze_count()
    with no_collection_while_loading():
        assert not gc.isenabled()
        with no_collection_while_loading():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > before
    gc.unfreeze()


def test_a_process_that_never_collects_still_does_not() -> None:
    gc.disable()
    try:
        with no_collection_while_loading():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_failure_to_load_ends_it() -> None:
    with pytest.raises(ValueError, match="no model"), no_collection_while_loading():
        raise ValueError("no model")
    assert gc.isenabled()
    gc.unfreeze()
