"""Which model to load, from where, and in which form."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from max.driver import DeviceSpec
from max.graph.weights import is_gguf
from max.pipelines.checkpoint.encoding import (
    EncodingRequest,
    check_known_encodings,
    choose_encoding,
)
from max.pipelines.checkpoint.gguf.folder import completed_folder, is_complete
from max.pipelines.checkpoint.hf_files import (
    architecture_name,
    is_read_quantized,
    load_generation_config,
    load_huggingface_config,
    quantization_method,
)
from max.pipelines.checkpoint.source import ModelSource, find_model
from max.pipelines.checkpoint.weight_files import checkpoint_encodings, total_size
from max.pipelines.config.base import ConfigModel
from max.pipelines.config.device_specs import default_device_specs, parse_device_specs
from max.pipelines.config.kv_cache_config import KVCacheConfig
from max.pipelines.config.sampling_defaults import SamplingParamsGenerationConfigDefaults
from max.pipelines.modeling.config_enums import (
    SupportedEncoding,
    is_block_encoding,
    is_decoded_where_read,
    supported_encoding_dtype,
    supported_encoding_quantization,
)
from max.pipelines.modeling.errors import ConfigurationError

if TYPE_CHECKING:
    from transformers import GenerationConfig, PretrainedConfig

    from max.dtype import DType
    from max.graph.quantization import QuantizationEncoding


class MAXModelConfig(ConfigModel):
    """A model: its files, encoding, devices and KV cache.

    Properties that read files do so once, on first use.
    """

    model_path: str = Field(
        default="",
        description="Folder of a model, GGUF file, Hugging Face repository id, or 'demo'.",
    )
    served_model_name: str | None = Field(
        default=None, description="Name that requests use; the model path when not given."
    )
    weight_path: list[Path] = Field(
        default_factory=list,
        description="A weight file to load, here or inside the model; repeatable.",
    )
    quantization_encoding: SupportedEncoding | None = Field(
        default=None,
        description="Encoding to load the weights in: float32, bfloat16, q4_0, q4_k, q5_k, q6_k, "
        "q8_0; as stored by default.",
    )
    max_length: int | None = Field(
        default=None,
        ge=0,
        description="Most tokens of prompt and output together; the model's limit when not given.",
    )
    huggingface_model_revision: str = Field(
        default="main", description="Branch, tag or commit of the Hugging Face repository."
    )
    huggingface_weight_revision: str = Field(
        default="main",
        description="Branch, tag or commit of the weights; as the model's when not given.",
    )
    trust_remote_code: bool = Field(
        default=False, description="Run tokenizer and configuration code that the model brings."
    )
    device_specs: list[DeviceSpec] = Field(
        default_factory=default_device_specs,
        description="Devices to run on: cpu, gpu, gpu:all, gpu:0,1 or default (a GPU if any).",
    )
    force_download: bool = Field(
        default=False, description="Download the model again although it is in the cache."
    )
    chat_template: Path | None = Field(
        default=None, description="File with a chat template to use instead of the model's own."
    )
    enable_echo: bool = Field(
        default=False,
        description="Accept completions with echo, which return the prompt, its log probabilities "
        "too; a step may then need memory for the logits of all of its tokens.",
    )
    if TYPE_CHECKING:
        data_parallel_degree: int = 1

    kv_cache: KVCacheConfig = Field(default_factory=KVCacheConfig, description="The KV cache.")

    @field_validator("device_specs", mode="before")
    @classmethod
    def _parse_device_specs(cls, value: object) -> object:
        return default_device_specs() if value is None else parse_device_specs(value)

    @field_validator("weight_path", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return [value] if isinstance(value, (str, Path)) else value

    @field_validator("chat_template")
    @classmethod
    def _must_be_a_file(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"chat_template '{value}' (--chat-template) is not a file")
        return value

    @property
    def model_name(self) -> str:
        """The name that requests use."""
        return self.served_model_name or self.model_path

    @property
    def weight_revision(self) -> str:
        """The revision of the weights: their own if given, else the model's."""
        given = "huggingface_weight_revision" in self.model_fields_set
        return self.huggingface_weight_revision if given else self.huggingface_model_revision

    @property
    def default_device_spec(self) -> DeviceSpec:
        """The first device."""
        return self.device_specs[0]

    @property
    def huggingface_weight_repo(self) -> str:
        """The repository or folder that the weights come from."""
        return self.model_path

    @cached_property
    def source(self) -> ModelSource:
        """Where the files come from.

        Raises:
            ModelSourceError: if `model_path` names nothing.
        """
        return find_model(
            self.model_path,
            revision=self.huggingface_model_revision,
            weight_revision=self.weight_revision,
            trust_remote_code=self.trust_remote_code,
            force_download=self.force_download,
        )

    @cached_property
    def resolved_model_path(self) -> Path:
        """Local folder of config.json and the tokenizer, downloaded if need be; weights follow.

        What a GGUF model lacks of them is made from the metadata of its file.

        Raises:
            ModelSourceError: if the files cannot be had.
        """
        folder = self.source.folder()
        named = any(is_gguf(path) for path in self.weight_path)
        if is_complete(folder) or not (named or self.source.has_gguf()):
            return folder
        weights = self.resolved_weight_paths[0]
        return completed_folder(folder, weights) if is_gguf(weights) else folder

    @cached_property
    def resolved_weight_paths(self) -> list[Path]:
        """Local paths of the weight files, downloaded if need be.

        Raises:
            ModelSourceError: if one is missing or cannot be had.
        """
        return self.source.weight_files(self.weight_path, self.quantization_encoding)

    @property
    def architecture_name(self) -> str:
        """The first of the `architectures` in config.json.

        Raises:
            ModelSourceError: if there is none.
        """
        return architecture_name(self.resolved_model_path)

    @cached_property
    def huggingface_config(self) -> PretrainedConfig:
        """config.json as read by transformers.

        Raises:
            ModelSourceError: if it cannot be read.
        """
        return load_huggingface_config(self.resolved_model_path, self.trust_remote_code)

    @cached_property
    def generation_config(self) -> GenerationConfig | None:
        """generation_config.json as read by transformers; None without the file."""
        return load_generation_config(self.resolved_model_path)

    @cached_property
    def sampling_params_defaults(self) -> SamplingParamsGenerationConfigDefaults:
        """The sampling parameters that the model recommends."""
        return SamplingParamsGenerationConfigDefaults.from_folder(self.resolved_model_path)

    @property
    def dtype(self) -> DType:
        """The type that the model computes in: that of its weights, float32 for quantized ones and
        for float16, which the kernels convert as they read it.

        Raises:
            ConfigurationError: before `resolve_encoding`.
        """
        from max.dtype import DType

        encoding = self._resolved_encoding()
        if is_decoded_where_read(encoding):
            return DType.float32
        return supported_encoding_dtype(encoding)

    @property
    def cache_dtype(self) -> DType:
        """The element type of the KV cache: what the weights are computed in, unless told.

        Quantized weights cost accuracy of another order than bfloat16 keys and values do, and a
        cache of half the bytes is read in half the time. The latter holds of float16 weights too.

        Raises:
            ConfigurationError: before `resolve_encoding`.
        """
        from max.dtype import DType

        return self.kv_cache.cache_dtype(DType.bfloat16 if self.keeps_half_matrices else self.dtype)

    @property
    def keeps_half_matrices(self) -> bool:
        """Whether matrices of half precision stay as they are stored, for layers to decode.

        Raises:
            ConfigurationError: before `resolve_encoding`.
        """
        return is_decoded_where_read(self._resolved_encoding())

    @property
    def graph_quantization_encoding(self) -> QuantizationEncoding | None:
        """The block quantization of most of the model's matrices; None for plain elements.

        Raises:
            ConfigurationError: before `resolve_encoding`.
        """
        return supported_encoding_quantization(self._resolved_encoding())

    @property
    def has_gguf_weights(self) -> bool:
        """Whether the weights come from GGUF files, which order some rows otherwise."""
        return is_gguf(self.resolved_weight_paths[0])

    def weights_size(self) -> int:
        """Bytes of the weight files."""
        return total_size(self.resolved_weight_paths)

    def retrieve_chat_template(self) -> str | None:
        """The text of `chat_template`; None when the model's own is used.

        Raises:
            ConfigurationError: if it is not text.
        """
        if self.chat_template is None:
            return None
        try:
            return self.chat_template.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise ConfigurationError(
                f"chat_template '{self.chat_template}' (--chat-template) is not UTF-8 text: {error}"
            ) from error

    def resolve_encoding(
        self,
        architecture_default: str | None = None,
        architecture_supported: Collection[str] = (),
    ) -> SupportedEncoding:
        """Fixes `quantization_encoding`; see `choose_encoding` for the rule.

        Args:
            architecture_default: the architecture's preferred encoding.
            architecture_supported: what the architecture can run; empty for no restriction.

        Raises:
            ConfigurationError: if none fits device, architecture, weights and this release.
            ModelSourceError: if the weights cannot be had or read.
        """
        method = quantization_method(self.resolved_model_path)
        if method and not self.has_gguf_weights:
            self._check_quantization(method)
        default = check_known_encodings([architecture_default] if architecture_default else [])
        request = EncodingRequest(
            model_path=self.model_path,
            requested=self.quantization_encoding,
            weight_paths=tuple(self.weight_path),
            in_checkpoint=checkpoint_encodings(self.resolved_weight_paths),
            device_type=self.default_device_spec.device_type,
            architecture_default=next(iter(default), None),
            architecture_supported=check_known_encodings(architecture_supported),
        )
        self.quantization_encoding = choose_encoding(request)
        return self.quantization_encoding

    def _check_quantization(self, method: str) -> None:
        stored = (
            f"config.json of '{self.model_path}' says that the weights are quantized ({method})"
        )
        if not is_read_quantized(self.resolved_model_path, method):
            raise ConfigurationError(
                f"{stored}, which this release does not load: use the unquantized model."
            )
        if self.quantization_encoding is not None and is_block_encoding(self.quantization_encoding):
            raise ConfigurationError(
                f"{stored}; its other weights cannot be quantized beside them to "
                f"'{self.quantization_encoding}': leave --quantization-encoding out, or give "
                "bfloat16 or float32, in which those are computed."
            )

    def _resolved_encoding(self) -> SupportedEncoding:
        if self.quantization_encoding is None:
            raise ConfigurationError(
                "the encoding is not resolved yet; call resolve_encoding first"
            )
        return self.quantization_encoding

    def __getstate__(self) -> dict[Any, Any]:
        """Without what was read from files, which may be of classes that the model itself brought.

        The files' paths stay: another process reads what this one has downloaded.
        """
        state = dict(super().__getstate__())
        kept = {*type(self).model_fields, "resolved_model_path", "resolved_weight_paths"}
        state["__dict__"] = {k: v for k, v in state["__dict__"].items() if k in kept}
        return state
