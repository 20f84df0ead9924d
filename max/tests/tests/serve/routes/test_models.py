"""Tests of `max.serve.routes.models` and `max.serve.routes.health` against a running server."""

# build: size = "medium"

from __future__ import annotations

import httpx

from tests.serve.scripted_model import MAX_LENGTH, MODEL_NAME
from tests.serve.server_process import ServerProcess


def get(server: ServerProcess, path: str) -> httpx.Response:
    return server.client.get(path)


def test_served_model_is_listed_with_its_length(server: ServerProcess) -> None:
    (card,) = get(server, "/v1/models").json()["data"]

    assert (card["id"], card["object"]) == (MODEL_NAME, "model")
    assert card["max_model_len"] == MAX_LENGTH


def test_model_whose_name_has_a_slash_is_found(server: ServerProcess) -> None:
    assert get(server, f"/v1/models/{MODEL_NAME}").json()["id"] == MODEL_NAME


def test_other_models_are_not_found(server: ServerProcess) -> None:
    response = get(server, "/v1/models/other")

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"


def test_health_is_ok_when_ready(server: ServerProcess) -> None:
    response = get(server, "/health")

    assert response.status_code == 200
    assert response.json() | {"status": "ok", "phase": "ready"} == response.json()
