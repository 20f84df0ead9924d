"""Choosing the encoding that a model's weights are loaded in."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from max.graph.weights import is_gguf
from max.pipelines.modeling.config_enums import (
    MADE_ENCODINGS,
    DeviceType,
    SupportedEncoding,
    can_cast_encoding,
    loadable_encodings,
    parse_supported_encoding_from_file_name,
    supported_encoding_supported_devices,
    supported_encodings,
)
from max.pipelines.modeling.errors import ConfigurationError

logger = logging.getLogger("max.pipelines")

# A GPU runs the smaller encoding faster, so it is preferred when a checkpoint has several.
_GPU_PREFERENCE: tuple[SupportedEncoding, ...] = ("float4_e2m1fnx2", "float8_e4m3fn", "bfloat16")


@dataclass(frozen=True)
class EncodingRequest:
    """What the choice depends on.

    Attributes:
        model_path: the model's name, for messages.
        requested: `--quantization-encoding`, if given.
        weight_paths: `--weight-path`, if given.
        in_checkpoint: the encodings that the weight files hold.
        device_type: where the model will run.
        architecture_default: the architecture's preferred encoding; None for no preference.
        architecture_supported: what the architecture can run; empty for no restriction.
    """

    model_path: str
    requested: SupportedEncoding | None
    weight_paths: tuple[Path, ...]
    in_checkpoint: frozenset[SupportedEncoding]
    device_type: DeviceType
    architecture_default: SupportedEncoding | None
    architecture_supported: frozenset[SupportedEncoding]


def check_known_encodings(names: Iterable[str]) -> frozenset[SupportedEncoding]:
    """The names as encodings.

    Raises:
        ConfigurationError: if one is unknown.
    """
    known = supported_encodings()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigurationError(f"unknown encodings {unknown}; known: {', '.join(known)}")
    return frozenset(cast("SupportedEncoding", name) for name in names)


def choose_encoding(request: EncodingRequest) -> SupportedEncoding:
    """The encoding to load the weights in.

    In order: what was asked for; what an explicit weight file's name says; the only encoding of the
    checkpoint; on a GPU the smallest of several; the architecture's default.

    Raises:
        ConfigurationError: if the choice does not fit device, architecture, weights or release.
    """
    encoding = request.requested or _from_weight_path(request) or _from_checkpoint(request)
    _check(encoding, request)
    return encoding


def _from_weight_path(request: EncodingRequest) -> SupportedEncoding | None:
    if not request.weight_paths:
        return None
    path = request.weight_paths[0]
    if is_gguf(path):
        return None  # it tells itself
    encoding = parse_supported_encoding_from_file_name(path.name)
    if encoding is None and path.suffix == ".safetensors":
        raise ConfigurationError(
            "If a local safetensors file is provided, please provide a quantization_encoding. "
            f"(weight_path: {path}; flag: --quantization-encoding)"
        )
    return encoding


def _from_checkpoint(request: EncodingRequest) -> SupportedEncoding:
    stored, default = request.in_checkpoint, request.architecture_default
    supported = request.architecture_supported
    if request.device_type == "cpu" and "float16" in stored & supported:
        return "float16"  # what else there is, matrices of bfloat16 too, is read beside it
    if len(stored) == 1:
        (encoding,) = stored
        runs_as_stored = encoding != "float16" and (not supported or encoding in supported)
        if not runs_as_stored and default and can_cast_encoding(encoding, default):
            log = logger.warning if default == "bfloat16" else logger.info
            log(
                "weights are %s; loading them as %s (--quantization-encoding float32 keeps all of "
                "their bits)",
                encoding,
                default,
            )
            return default
        return encoding
    if request.device_type == "gpu":
        for encoding in _GPU_PREFERENCE:
            if encoding in stored:
                return encoding
    if default:
        return default
    raise ConfigurationError(
        f"the weights of '{request.model_path}' are of several types "
        f"({', '.join(sorted(stored))}) or of none that is known; "
        "choose one with --quantization-encoding"
    )


def _check(encoding: SupportedEncoding, request: EncodingRequest) -> None:
    devices = supported_encoding_supported_devices(encoding)
    of_weights = "" if request.requested else f" (the type of the weights: {request.model_path})"
    loadable = f"supported: {', '.join(loadable_encodings())}"
    if request.device_type not in devices:
        way_out = (
            f"It runs on {' and '.join(devices)}; --devices selects the device, "
            "--quantization-encoding the encoding."
            if encoding in loadable_encodings()
            else f"Nor is it supported on any device in this release; {loadable}."
        )
        raise ConfigurationError(
            f"The encoding '{encoding}' is not compatible with the selected device type "
            f"'{request.device_type}'{of_weights}. {way_out}"
        )
    if encoding not in loadable_encodings():
        raise ConfigurationError(
            f"quantization_encoding '{encoding}' is not supported in this release{of_weights}; "
            f"{loadable}"
        )
    supported = request.architecture_supported
    if supported and encoding not in supported:
        raise ConfigurationError(
            f"quantization_encoding of '{encoding}' not supported by MAX engine. "
            f"The architecture supports: {', '.join(sorted(supported))}."
        )
    stored = request.in_checkpoint
    if stored and not any(can_cast_encoding(s, encoding) for s in stored):
        raise ConfigurationError(
            f"compatible weights cannot be found for '{encoding}', in the provided repo: "
            f"'{request.model_path}'. Its weights are {', '.join(sorted(stored))}; only float32, "
            "bfloat16 and float16 are cast, to float32 or bfloat16, or quantized, to "
            f"{', '.join(MADE_ENCODINGS)}."
        )
