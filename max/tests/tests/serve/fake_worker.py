"""The worker as an engine client sees it, for tests without one."""

from __future__ import annotations

import asyncio

from max.pipelines.context import TextContext, TokenBuffer
from max.serve.engine_client import EngineClient
from max.serve.generation import Generation
from max.serve.messages import Admitted, Cancel, ToWorker


class Commands:
    """Keeps what the client sends to the worker."""

    def __init__(self) -> None:
        self.sent: list[ToWorker] = []

    def send(self, message: ToWorker) -> None:
        self.sent.append(message)

    @property
    def cancelled(self) -> list[str]:
        return [
            request_id
            for message in self.sent
            if isinstance(message, Cancel)
            for request_id in message.request_ids
        ]


def make_contexts(count: int) -> list[TextContext]:
    return [TextContext(tokens=TokenBuffer([1, 2]), max_length=10) for _ in range(count)]


async def submitted(client: EngineClient, contexts: list[TextContext]) -> Generation:
    """Submits contexts and lets the worker admit them."""
    submitting = asyncio.create_task(client.submit(contexts))
    await asyncio.sleep(0)
    client.handle(Admitted([str(context.request_id) for context in contexts]))
    return await submitting
