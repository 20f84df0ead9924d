"""The table of encodings, beside what the gguf package knows."""

from __future__ import annotations

import subprocess
import sys

import gguf
import pytest

from max.graph.quantization import (
    BLOCK_ENCODINGS,
    QuantizationEncoding,
    encoding_of_file_type,
    encoding_of_ggml_type,
)

IN_FILES = [encoding for encoding in QuantizationEncoding if encoding.is_gguf]

# Names of mixtures that are not those of what most of their tensors are.
MIXTURES = {"MOSTLY_IQ2_M": "IQ2_S", "MOSTLY_IQ3_XS": "IQ3_S", "MOSTLY_IQ3_M": "IQ3_S"}


@pytest.mark.parametrize("encoding", IN_FILES)
def test_numbers_are_ggml_s(encoding: QuantizationEncoding) -> None:
    kind = gguf.GGMLQuantizationType[encoding.name]
    assert encoding_of_ggml_type(kind) is encoding
    of_files = [t for t in gguf.LlamaFileType if encoding_of_file_type(int(t)) is encoding]
    assert of_files and all(encoding.name in t.name or t.name in MIXTURES for t in of_files)


def test_other_numbers_are_none() -> None:
    assert encoding_of_ggml_type(gguf.GGMLQuantizationType.F32) is None
    assert encoding_of_file_type(gguf.LlamaFileType.ALL_F32) is None
    assert encoding_of_file_type("7") is None


def test_quantized_are_those_with_blocks() -> None:
    assert set(IN_FILES) - set(BLOCK_ENCODINGS) == {
        QuantizationEncoding.F16,
        QuantizationEncoding.BF16,
    }
    assert all(encoding.is_quantized for encoding in BLOCK_ENCODINGS)
    assert not QuantizationEncoding.GPTQ.is_quantized and not QuantizationEncoding.GPTQ.devices


def test_smaller_blocks_take_rows_that_the_larger_do_not() -> None:
    for encoding in BLOCK_ENCODINGS:
        smaller = encoding.smaller_blocks
        assert smaller is encoding or smaller.elements_per_block < encoding.elements_per_block


def test_importing_the_table_imports_no_torch() -> None:
    code = "import sys, max.graph.quantization; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
