"""`GET /ping` and `POST /invocations`: what SageMaker asks of a container.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from max.serve.routes.body import beside, read_body
from max.serve.routes.chat import chat_completions
from max.serve.routes.completions import completions
from max.serve.schemas.validation import has_field


async def invocations(request: Request) -> Response:
    """A chat completion when the body has `messages`, else a completion."""
    raw = await read_body(request)
    is_chat = await beside(request, partial(has_field, raw, "messages"))
    answer = chat_completions if is_chat else completions
    return await answer(request)
