"""Messages between the API process and the model worker.

Both sides are started from the same installation, so there is one version; it is checked once, in
`Ready`, so that a mixed installation is refused instead of misread.
"""

from __future__ import annotations

import msgspec

from max.pipelines.context import (
    Constraint,
    EOSTracker,
    GenerationStatus,
    LogProbabilities,
    SamplingParams,
)
from max.serve.telemetry.worker_stats import NOTHING_RUNS, EngineLoad, WorkerStats

PROTOCOL_VERSION = 1


class Adapter(msgspec.Struct, frozen=True):
    """A LoRA adapter: the name that requests use, its folder, and the digest of its files."""

    name: str
    path: str
    digest: str


class Load(msgspec.Struct, frozen=True, tag=True):
    """Build the pipeline; the first message of a worker's life.

    `factory` is a pickled function without arguments. It is unpickled inside the worker's own error
    handling, so what goes wrong is reported like any other failure to load.

    `weights_bytes` is memory that the pipeline will certainly need: it is taken while the worker
    imports its modules.

    `adapters` are loaded before the worker is ready.

    `counts_experts` asks for `WorkerStats.expert_tokens`.
    """

    factory: bytes
    weights_bytes: int = 0
    adapters: list[Adapter] = []
    counts_experts: bool = False


class Submit(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Run a request, or take up one that another worker began.

    `tokens` is the prompt (`prompt_length` tokens) and whatever was generated before, so a replay
    is the same message with the emitted tokens appended.

    `sampling_params` have a seed: it is decided before, or a replay would go on otherwise.

    `adapter` is the digest of the one that answers; it was loaded before.

    `siblings` are further requests that differ in nothing but their seeds: from ids to seeds.

    `log_probabilities` to `prompt_tokens_scored` are those of `TextContext`; what was sent before
    is not sent again.

    `failed_length`: it was at work when something failed, and had this many tokens. Until it has
    more, no other request shares its steps, and none is let in after it.
    """

    request_id: str
    tokens: list[int]
    prompt_length: int
    max_length: int
    eos_tracker: EOSTracker
    sampling_params: SamplingParams
    model_name: str
    constraint: Constraint | None = None
    adapter: str | None = None
    cache_salt: str | None = None
    client: str = ""
    client_weight: float = 1.0
    log_probabilities: int | None = None
    log_probabilities_echo: bool = False
    prompt_tokens_scored: int = 0
    failed_length: int = 0
    siblings: dict[str, int] = {}


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Forget requests and free their pages; unknown or finished ones are ignored."""

    request_ids: list[str]


class ResetPrefixCache(msgspec.Struct, frozen=True, tag=True):
    """Let no later request find the keys and values of an earlier one; those that run go on."""


class LoadAdapter(msgspec.Struct, frozen=True, tag=True):
    """Load an adapter while others run; `AdapterLoaded` or `AdapterRefused` answers."""

    adapter: Adapter


class UnloadAdapter(msgspec.Struct, frozen=True, tag=True):
    """Forget an adapter that no request needs any more."""

    digest: str


class Inspect(msgspec.Struct, frozen=True, tag=True):
    """Say what is held at this moment; `Inspection` answers. Sent while somebody looks."""


class Stop(msgspec.Struct, frozen=True, tag=True):
    """End the worker process."""


class Loading(msgspec.Struct, frozen=True, tag=True):
    """The worker entered another phase of its start."""

    phase: str


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The model is loaded and requests are taken.

    `slowest_step_s` is about how long the longest step that the plan allows should take.

    `adapter_problems`: why adapters of `Load` are not there, by digest.
    """

    protocol_version: int
    max_model_len: int
    max_batch_size: int
    num_kv_pages: int
    slowest_step_s: float = 0.0
    adapter_problems: dict[str, str] = {}


class StartFailed(msgspec.Struct, frozen=True, tag=True):
    """The worker could not start and is about to exit; `report` is what the user should read."""

    report: str


class Admitted(msgspec.Struct, frozen=True, tag=True):
    """The scheduler took these requests."""

    request_ids: list[str]


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The scheduler did not take this request, for instance because it can never fit."""

    request_id: str
    reason: str


class AdapterLoaded(msgspec.Struct, frozen=True, tag=True):
    """Requests may have this adapter."""

    digest: str


class AdapterRefused(msgspec.Struct, frozen=True, tag=True):
    """This adapter cannot be loaded."""

    digest: str
    reason: str


class TokenDelta(msgspec.Struct, frozen=True, array_like=True):
    """What one step added to one request: its new tokens and where the request stands now.

    Log probabilities are as in `TextGenerationOutput`. `cached_tokens` is how many prompt tokens
    were in the cache when the worker began the request; the same in all of its deltas. `embedding`
    has the bytes of a text's vector, float32, at the end of a request for one.
    """

    request_id: str
    tokens: list[int]
    status: GenerationStatus
    log_probabilities: list[LogProbabilities] | None = None
    prompt_log_probabilities: LogProbabilities | None = None
    cached_tokens: int = 0
    embedding: bytes = b""


class Tokens(msgspec.Struct, frozen=True, tag=True):
    """Everything that one step of the model brought."""

    deltas: list[TokenDelta]
    stats: WorkerStats = NOTHING_RUNS


class Report(msgspec.Struct, frozen=True, tag=True):
    """What no `Tokens` reported, for instance that a request was cancelled and nothing else runs.

    Sent before the worker goes to sleep.
    """

    stats: WorkerStats


class HeldRequest(msgspec.Struct, frozen=True, array_like=True):
    """A request that holds pages.

    Attributes:
        request_id: The engine's id of it.
        prompt_length: Tokens of its prompt.
        length: Its tokens now.
        computed_length: Those of them that are in the KV cache.
        max_length: Tokens that it may have.
        cached_tokens: Prompt tokens that were found in the prefix cache.
        num_pages: Pages that it holds.
        cells: Where on the map these are, in token order; the first ones.
    """

    request_id: str
    prompt_length: int
    length: int
    computed_length: int
    max_length: int
    cached_tokens: int
    num_pages: int
    cells: list[int]


class Inspection(msgspec.Struct, frozen=True, tag=True):
    """What the engine holds, between two steps.

    `requests` are the oldest; `pages_per_cell` and `cells` are those of `PageMap`.
    """

    load: EngineLoad
    requests: list[HeldRequest]
    page_size: int
    pages_per_cell: int
    cells: bytes


class Failed(msgspec.Struct, frozen=True, tag=True):
    """An exception in the worker, which has forgotten some requests and goes on.

    `lengths` are those that were being worked on, and how many tokens each had. `others` are to be
    run again as if nothing had happened.
    """

    lengths: dict[str, int]
    reason: str
    others: list[str] = []


ToWorker = Load | Submit | Cancel | ResetPrefixCache | LoadAdapter | UnloadAdapter | Inspect | Stop
FromWorker = (
    Loading
    | Ready
    | StartFailed
    | Admitted
    | Refused
    | AdapterLoaded
    | AdapterRefused
    | Tokens
    | Report
    | Inspection
    | Failed
)
