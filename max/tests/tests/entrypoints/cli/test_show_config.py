"""`--pretty-print-config`."""

from __future__ import annotations

from max.entrypoints.cli.show_config import format_config
from max.pipelines.config import PipelineConfig
from max.serve.config import ServerSettings


def test_format() -> None:
    config = PipelineConfig.from_flat_kwargs(model="org/name", devices="gpu:0,1", max_length=7)
    lines = format_config({"server": ServerSettings(port=9), "pipeline": config}).splitlines()
    assert lines[0] == "server:"
    assert "  port: 9" in lines
    assert lines[lines.index("pipeline:") + 1 :][:2] == ["  model:", "    model_path: org/name"]
    assert "    device_specs: [gpu:0, gpu:1]" in lines
    assert "    served_model_name: null" in lines
    assert "      kv_cache_page_size: 128" in lines
    assert "  task: undefined" in lines
    assert "    enable_lora: False" in lines
    assert not any("speculative" in line for line in lines)
