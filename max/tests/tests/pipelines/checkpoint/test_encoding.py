"""Which encoding a model is loaded in, and every reason to refuse one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from max.pipelines.checkpoint.encoding import (
    EncodingRequest,
    check_known_encodings,
    choose_encoding,
)
from max.pipelines.modeling.config_enums import SupportedEncoding
from max.pipelines.modeling.errors import ConfigurationError


def make_request(*in_checkpoint: SupportedEncoding, **changes: object) -> EncodingRequest:
    request = EncodingRequest(
        model_path="org/model",
        requested=None,
        weight_paths=(),
        in_checkpoint=frozenset(in_checkpoint),
        device_type="cpu",
        architecture_default="float32",
        architecture_supported=frozenset({"float32", "bfloat16"}),
    )
    return replace(request, **changes)  # type: ignore[arg-type]


def test_what_is_asked_for_wins() -> None:
    assert choose_encoding(make_request("bfloat16", requested="float32")) == "float32"


def test_single_encoding_of_the_checkpoint() -> None:
    assert choose_encoding(make_request("bfloat16")) == "bfloat16"


def test_single_encoding_that_the_architecture_lacks_is_cast_to_its_default() -> None:
    only_float32 = frozenset({"float32"})
    request = make_request("bfloat16", architecture_supported=only_float32)
    assert choose_encoding(request) == "float32"


def test_several_encodings() -> None:
    stored: tuple[SupportedEncoding, ...] = ("float32", "bfloat16")
    assert choose_encoding(make_request(*stored)) == "float32"
    assert choose_encoding(make_request(*stored, device_type="gpu")) == "bfloat16"


def test_several_encodings_without_a_default_need_a_choice() -> None:
    request = make_request("float32", "bfloat16", architecture_default=None)
    with pytest.raises(ConfigurationError, match="choose one with --quantization-encoding"):
        choose_encoding(request)


def test_explicit_weight_file_says_it_in_its_name() -> None:
    paths = (Path("tuned-bf16.safetensors"),)
    assert choose_encoding(make_request("bfloat16", weight_paths=paths)) == "bfloat16"


def test_explicit_safetensors_file_without_a_name_needs_the_flag() -> None:
    request = make_request("bfloat16", weight_paths=(Path("tuned.safetensors"),))
    message = "If a local safetensors file is provided, please provide a quantization_encoding."
    with pytest.raises(ConfigurationError, match=message):
        choose_encoding(request)
    assert choose_encoding(replace(request, requested="bfloat16")) == "bfloat16"


def test_encoding_of_another_device() -> None:
    message = "The encoding 'gptq' is not compatible with the selected device type 'cpu'"
    with pytest.raises(ConfigurationError, match=message):
        choose_encoding(make_request("bfloat16", requested="gptq"))


def test_encoding_without_a_loader() -> None:
    message = "'gptq' is not supported in this release; supported: float32, bfloat16"
    with pytest.raises(ConfigurationError, match=message):
        choose_encoding(make_request(requested="gptq", device_type="gpu"))


def test_blocks_are_made_of_plain_weights_and_not_of_other_blocks() -> None:
    supported = frozenset({"float32", "q4_k", "q6_k"})
    request = make_request("bfloat16", requested="q4_k", architecture_supported=supported)
    assert choose_encoding(request) == "q4_k"
    message = "compatible weights cannot be found for 'q4_k', in the provided repo: 'org/model'"
    with pytest.raises(ConfigurationError, match=message):
        choose_encoding(replace(request, in_checkpoint=frozenset({"q6_k"})))
    with pytest.raises(ConfigurationError, match="cannot be found for 'float32'"):
        choose_encoding(make_request("q6_k", requested="float32"))


def test_a_gguf_file_tells_its_encoding_itself() -> None:
    supported = frozenset({"q4_k", "q6_k"})
    paths = (Path("my-q4_k.gguf"),)
    request = make_request("q6_k", weight_paths=paths, architecture_supported=supported)
    assert choose_encoding(request) == "q6_k"


def test_blocks_run_on_gpus_too() -> None:
    supported = frozenset({"q4_k"})
    request = make_request("q4_k", device_type="gpu", architecture_supported=supported)
    assert choose_encoding(request) == "q4_k"


def test_encoding_that_the_architecture_lacks() -> None:
    request = make_request(
        "bfloat16", requested="bfloat16", architecture_supported=frozenset({"float32"})
    )
    message = "quantization_encoding of 'bfloat16' not supported by MAX engine"
    with pytest.raises(ConfigurationError, match=message):
        choose_encoding(request)


def test_no_restriction_without_supported_encodings() -> None:
    request = make_request("bfloat16", architecture_supported=frozenset())
    assert choose_encoding(request) == "bfloat16"


def test_weights_that_cannot_be_cast() -> None:
    message = "compatible weights cannot be found for 'float32', in the provided repo: 'org/model'"
    with pytest.raises(ConfigurationError, match=message):
        choose_encoding(make_request("float8_e4m3fn", requested="float32"))


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="float31"):
        check_known_encodings(["float31"])


def test_weights_of_a_type_that_this_release_lacks() -> None:
    message = (
        r"'float8_e4m3fn' .*\(the type of the weights: org/model\).*supported: float32, bfloat16"
    )
    with pytest.raises(ConfigurationError, match=message):
        choose_encoding(make_request("float8_e4m3fn"))


def test_float16_weights_stay_where_they_can() -> None:
    supported = frozenset({"float32", "bfloat16", "float16"})
    request = make_request(
        "float16", "float32", architecture_default="bfloat16", architecture_supported=supported
    )
    assert choose_encoding(request) == "float16"
    assert choose_encoding(replace(request, requested="bfloat16")) == "bfloat16"
    assert choose_encoding(replace(request, device_type="gpu")) == "bfloat16"


def test_narrowing_float16_weights_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert choose_encoding(make_request("float16", architecture_default="bfloat16")) == "bfloat16"
    assert "--quantization-encoding float32 keeps all of their bits" in caplog.text


def test_float16_weights_are_loaded_as_the_architecture_prefers() -> None:
    assert choose_encoding(make_request("float16", architecture_default="float32")) == "float32"
    assert choose_encoding(make_request("float16", requested="bfloat16")) == "bfloat16"
