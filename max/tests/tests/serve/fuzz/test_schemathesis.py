"""Requests that schemathesis makes from the server's own OpenAPI document.

Each answer is checked against the document: status, headers, body. Requests that the document
allows are answered, and those that it does not allow are refused.
"""

# build: size = "large"

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from hypothesis import given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from max.serve.endpoints import ENDPOINTS
from max.serve.openapi.document import path_of
from max.serve.openapi.endpoint import Endpoint
from tests.serve.scripted_model import MODEL_NAME
from tests.serve.server_process import ServerProcess

# Why a request may be refused although its schema is right: what no schema can say.
BEYOND_SCHEMAS = re.compile(
    "chat template does not accept"
    "|has the task"
    "|LoRA enabled"
    "|Chat template options may not be named"
    "|maximum context length"
    "|token id"
    "|has no tokens"
    "|min_new_tokens"
    "|are allowed in one request"
    "|needs 'logprobs' to be true"
    "|input should be n, which is"
    "|--enable-echo"
    "|--enable-structured-output"
    # Of tools: names that are there and there once, and parameters that can be compiled.
    "|tool_choice"
    "|two functions of the same name"
    "|takes no tools"
    "|cannot be compiled"
    # Of blocks of messages, by their role, and of responses that are not kept.
    "|has no content of type"
    "|needs a 'name'"
    # Of a message, and of what says how a conversation is written: one field forbids another.
    "|input should have a 'content'"
    "|input should be text alone"
    "|continue_final_message"
    "|cannot be continued"
    # JSON schema counts 1.0 among the integers.
    r"|valid integer, got -?[0-9.e+]+$"
)
# An endpoint without a body has nothing that could be wrong.
KINDS = [
    pytest.param(endpoint, mode, id=f"{mode.value} {endpoint.path}")
    for endpoint in ENDPOINTS
    for mode in (GenerationMode if endpoint.requests else [GenerationMode.POSITIVE])
]


@pytest.fixture(scope="module")
def api(short_server: ServerProcess) -> Any:
    """The API as the server describes it, when one knows the name of its model."""
    document = short_server.client.get("/openapi.json").json()
    for schema in document["components"]["schemas"].values():
        if "additionalProperties" in schema and "model" in schema["properties"]:
            names = [MODEL_NAME] if "model" in schema["required"] else [MODEL_NAME, None]
            schema["properties"]["model"] = {"enum": names}
    return schemathesis.openapi.from_dict(document)


def try_requests(
    server: ServerProcess, api: Any, endpoint: Endpoint, mode: GenerationMode, count: int
) -> None:
    """Sends requests to an endpoint and checks the answers."""
    operation = api[path_of(endpoint)][endpoint.method]

    @settings(max_examples=count)
    @given(case=operation.as_strategy(generation_mode=mode))
    def is_answered_as_described(case: schemathesis.Case[Any]) -> None:
        response = case.call(base_url=server.url)
        case.validate_response(response, excluded_checks=excused(response))

    is_answered_as_described()


def excused(response: schemathesis.Response) -> list[Any]:
    """The checks that the answer need not pass."""
    if response.status_code == 413:
        return [negative_data_rejection, positive_data_acceptance]
    if response.status_code in (400, 501) and BEYOND_SCHEMAS.search(
        response.json()["error"]["message"]
    ):
        # The server has no adapters, and says by a documented 501 what it does not do.
        return [positive_data_acceptance, not_a_server_error]
    return []


@pytest.mark.parametrize(("endpoint", "mode"), KINDS)
def test_described_requests(
    short_server: ServerProcess, api: Any, endpoint: Endpoint, mode: GenerationMode
) -> None:
    try_requests(short_server, api, endpoint, mode, count=10)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("endpoint", "mode"), KINDS)
def test_many_described_requests(
    short_server: ServerProcess, api: Any, endpoint: Endpoint, mode: GenerationMode
) -> None:
    try_requests(short_server, api, endpoint, mode, count=300)
