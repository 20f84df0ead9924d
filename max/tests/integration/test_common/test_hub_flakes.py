from __future__ import annotations

import pytest
from httpx2 import ConnectError, ReadTimeout, Request, Response
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from integration.test_common.hub_flakes import is_hub_flake

_REQUEST = Request("GET", "http://127.0.0.1/x")


def _status(code: int) -> HfHubHTTPError:
    return HfHubHTTPError("no", response=Response(code, request=_REQUEST))


def _wrapped(cause: Exception) -> Exception:
    error = ValueError("cannot download")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "cause", [ConnectError("refused"), ReadTimeout("slow"), _status(503), _status(429)]
)
def test_passing_failures(cause: Exception) -> None:
    assert is_hub_flake(cause)
    assert is_hub_flake(_wrapped(_wrapped(cause)))


@pytest.mark.parametrize(
    "cause", [_status(404), _status(401), OfflineModeIsEnabled("set"), ValueError("other")]
)
def test_lasting_failures(cause: Exception) -> None:
    assert not is_hub_flake(cause)
    assert not is_hub_flake(_wrapped(cause))
