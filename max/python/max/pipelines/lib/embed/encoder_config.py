"""What an encoder is, read from config.json once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from max.driver import load_devices
from max.dtype import DType
from max.graph import DeviceRef
from max.nn.kv_cache import KVCacheParams
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.hf_files import read_json
from max.pipelines.config import KVCacheConfig, MAXModelConfig, PipelineConfig
from max.pipelines.lib.embed.sentence_settings import encoder_max_length
from max.pipelines.lib.interfaces import ArchConfigWithStoredKVParams

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class EncoderConfig(ArchConfigWithStoredKVParams):
    """Sizes and settings that every encoder has. A family adds fields, and reads them in `fields`.

    Args:
        hidden_size: width of the residual stream.
        num_attention_heads: of queries, keys and values alike.
        num_hidden_layers: blocks.
        intermediate_size: width inside the MLP.
        vocab_size: rows of the embedding.
        max_seq_len: most tokens of a text.
        hidden_act: the MLP's activation function.
        norm_eps: of all norms.
        dtype: of the weights.
        devices: where the model runs; one device.
        kv_params: sizes of the cache: one layer, which all layers use in turn, since nothing of a
            text outlives the step that computes it.

    A family whose texts begin at another position than 0 sets `first_position`, one that leaves a
    token out when it counts them `uncounted_token`.
    """

    config_fields: ClassVar[ConfigFields | None] = None
    first_position: ClassVar[int] = 0
    uncounted_token: ClassVar[int | None] = None

    hidden_size: int
    num_attention_heads: int
    num_hidden_layers: int
    intermediate_size: int
    vocab_size: int
    max_seq_len: int
    hidden_act: str
    norm_eps: float
    dtype: DType
    devices: Sequence[DeviceRef]
    kv_params: KVCacheParams

    @property
    def head_dim(self) -> int:
        """Elements of a head."""
        return self.kv_params.head_dim

    def get_max_seq_len(self) -> int:
        """Most tokens of a text."""
        return self.max_seq_len

    @classmethod
    def calculate_max_seq_len(
        cls,
        pipeline_config: PipelineConfig,
        huggingface_config: PretrainedConfig,
        model_config: MAXModelConfig | None = None,
    ) -> int:
        """See `encoder_max_length`."""
        return encoder_max_length(pipeline_config, huggingface_config, cls.first_position)

    @classmethod
    def construct_kv_params(
        cls,
        huggingface_config: PretrainedConfig,
        pipeline_config: PipelineConfig,
        devices: Sequence[DeviceRef],
        kv_cache_config: KVCacheConfig,
        cache_dtype: DType,
    ) -> KVCacheParams:
        """One layer, with a KV head for each query head."""
        return kv_cache_config.to_params(
            dtype=cache_dtype,
            n_kv_heads=huggingface_config.num_attention_heads,
            head_dim=cls.get_head_dim(huggingface_config),
            num_layers=1,
            devices=devices,
        )

    @classmethod
    def initialize(
        cls, pipeline_config: PipelineConfig, model_config: MAXModelConfig | None = None
    ) -> Self:
        """Reads config.json and the settings; see `ArchConfig.initialize`.

        Raises:
            ModelSourceError: for a value of config.json that the family does not compute.
        """
        model = model_config or pipeline_config.model
        if cls.config_fields is not None:
            path = model.resolved_model_path / "config.json"
            cls.config_fields.check(read_json(path), path)
        hf = model.huggingface_config
        devices = [DeviceRef.from_device(d) for d in load_devices(model.device_specs)]
        return cls(
            hidden_size=hf.hidden_size,
            num_attention_heads=hf.num_attention_heads,
            num_hidden_layers=hf.num_hidden_layers,
            intermediate_size=hf.intermediate_size,
            vocab_size=hf.vocab_size,
            max_seq_len=cls.calculate_max_seq_len(pipeline_config, hf),
            dtype=model.dtype,
            devices=devices,
            kv_params=cls.construct_kv_params(
                hf, pipeline_config, devices, model.kv_cache, model.cache_dtype
            ),
            **cls.fields(hf),
        )

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """The fields that families call differently, and those of their own."""
        hf = huggingface_config
        return {"hidden_act": hf.hidden_act, "norm_eps": hf.layer_norm_eps}

    def finalize(self, **unused: Any) -> None:
        """Nothing depends on the weights."""
