"""`serve`: the API server from its start to its exit code.

    worker process   |  import torch, engine | read header | graph | weights | warm up |  ready
    API process   ---+  import routes | find the model | tokenizer, template |

Importing this imports little: the worker's way is the longer one, so its process begins first.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from max.serve.config import ServerSettings
from max.serve.thread_errors import watch_threads
from max.serve.worker_process import WorkerProcess

if TYPE_CHECKING:
    from max.pipelines.config import PipelineConfig
    from max.serve.model_source import ModelSource

_SWITCH_INTERVAL_S = 0.001
# What a worker imports for a configured model.
_PRELOAD = ("max.pipelines.lib.make_pipeline",)


def serve(settings: ServerSettings, pipeline_config: PipelineConfig) -> int:
    """Serves the configured model until CTRL+C or SIGTERM.

    Args:
        settings: Address, limits and logging of the server.
        pipeline_config: The model and how it runs.

    Returns:
        The process's exit code: 0 after a signal, 1 when the server could not start, or not
        restart its worker; the reason is on standard error.

    Raises:
        Exception: What finding or reading the model's files raised, such as `ModelSourceError`.
    """

    def source() -> ModelSource:
        from max.serve.model_source import configured_model

        return configured_model(pipeline_config, _PRELOAD)

    return _serve(settings, source, _PRELOAD)


def serve_source(settings: ServerSettings, source: ModelSource) -> int:
    """As `serve`, for a model from anywhere."""
    return _serve(settings, lambda: source, source.preload)


def _serve(
    settings: ServerSettings, make_source: Callable[[], ModelSource], preload: Sequence[str]
) -> int:
    try:
        settings.logs.apply()
    except OSError as error:
        return _fail(f"cannot write the log file (--logs-file-path): {error}")
    watch_threads(end_process=False)
    # Threads that validate or tokenize let the event loop go on sooner.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    with WorkerProcess(preload, settings.logs) as process:
        import uvloop

        from max.serve.listening import ListenError
        from max.serve.serving import run_server
        from max.serve.worker_handle import WorkerStartError

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                return runner.run(run_server(settings, make_source(), process))
            except ListenError as error:
                return _fail(str(error))
            except WorkerStartError as error:
                return _fail(f"the model could not be loaded.\n{error}")


def _fail(reason: str) -> int:
    print(f"Error: {reason}", file=sys.stderr, flush=True)
    return 1
