"""The plain names of all fields, which are also the flags."""

from __future__ import annotations

from collections import Counter

from max.pipelines.config import PipelineConfig
from max.pipelines.config.flat_fields import flat_fields

FIELDS = {field.name: field for field in flat_fields(PipelineConfig)}


def test_names_are_unique() -> None:
    counts = Counter(field.name for field in flat_fields(PipelineConfig))
    assert len(counts) > 60
    assert [name for name, count in counts.items() if count > 1] == []


def test_every_field_is_described() -> None:
    assert [name for name, field in FIELDS.items() if not field.info.description] == []


def test_sections() -> None:
    assert FIELDS["model_path"].section == ("model",)
    assert FIELDS["kv_cache_page_size"].section == ("model", "kv_cache")
    assert FIELDS["task"].section == ()


def test_availability() -> None:
    assert FIELDS["max_batch_size"].available
    assert not FIELDS["kv_connector"].available
    assert not FIELDS["draft_model"].available
