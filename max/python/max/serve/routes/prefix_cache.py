"""`POST /reset_prefix_cache`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from max.serve.routes.json_answer import json_answer
from max.serve.schemas.server import PrefixCacheReset
from max.serve.state import state_of


async def reset_prefix_cache(request: Request) -> Response:
    """Forgets cached prefixes: requests that come after this answer find none of them."""
    state_of(request).require_service().engine.reset_prefix_cache()
    return json_answer(PrefixCacheReset())
