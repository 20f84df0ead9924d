"""Settings of the API server that are not about the model: address, limits, logging."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)

from max.pipelines.config import ConfigurationError
from max.serve.leaving import MOST_BYTES
from max.serve.listening import is_loopback
from max.serve.logs import LogSettings

ENV_PREFIX = "MAX_SERVE_"

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
ApiType = Literal["openai", "sagemaker"]
CacheIsolation = Literal["none", "key"]
MetricLevel = Literal["NONE", "BASIC", "DETAILED"]
SECRET_FIELDS = frozenset({"api_key", "admin_api_key"})
# Environment variables that have another name than MAX_SERVE_ and the field's.
VARIABLES = {
    "structured_logging": "MODULAR_STRUCTURED_LOGGING",
    "otlp_endpoint": "OTEL_EXPORTER_OTLP_ENDPOINT",
}

Item = TypeVar("Item")


def _split(value: Any) -> Any:
    """An environment variable's text as a list; flags give lists already."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


CommaSeparated = Annotated[list[Item], BeforeValidator(_split)]


def _check_key(key: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", key.get_secret_value()):
        raise ValueError(
            "an API key (--api-key) is empty or has a character that cannot stand in an HTTP"
            " header; allowed are the visible ASCII characters"
        )
    return key


def _check_origin(origin: str) -> str:
    if not re.fullmatch(r"\*|[a-z][a-z0-9+.-]*://[^/?#\s]+", origin):
        raise ValueError(
            f"{origin!r} is not an origin (--allowed-origins): it is a scheme, a host and"
            " perhaps a port, as https://example.com or http://localhost:3000, or * for all"
        )
    return origin


def _check_endpoint(url: str | None) -> str | None:
    """OpenTelemetry takes a variable that is empty for one that is not set."""
    if url and not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", url):
        raise ValueError(
            f"{url!r} is not the base URL of an OTLP/HTTP collector (--otlp-endpoint), such as"
            " http://127.0.0.1:4318"
        )
    return url or None


ApiKey = Annotated[SecretStr, AfterValidator(_check_key)]
Origin = Annotated[str, AfterValidator(_check_origin)]


class ServerSettings(BaseModel):
    """Where and how the server listens.

    Every field can be given in the environment as `MAX_SERVE_<FIELD>`, for example
    `MAX_SERVE_PORT=9000`, a list separated by commas; see `from_env`. `VARIABLES` names the
    exceptions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    host: str = Field(default="0.0.0.0", description="Address to listen on.")
    port: int = Field(
        default=8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one."
    )
    max_request_bytes: int = Field(
        default=16 * 1024 * 1024,
        ge=1,
        description="Largest request body in bytes; a larger one is answered with 413.",
    )
    max_request_values: int = Field(
        default=1_000_000,
        ge=1,
        description="Most values in the JSON of a request body, of which an object or a list"
        " counts 16 and a key 8; more are answered with 400.",
    )
    max_answer_bytes: int = Field(
        default=32 * 1024 * 1024,
        ge=1,
        description="About the most bytes of one answer, all of its choices together; a larger"
        " one is refused, or ended when it is not known before.",
    )
    max_connections: int = Field(
        default=4096,
        ge=1,
        description="Most open connections. A further one closes the one that has waited longest"
        " without a request.",
    )
    max_arriving_bytes: int = Field(
        default=32 * 1024 * 1024,
        ge=1,
        description="Most bytes of all request bodies that are arriving, but at least"
        " --max-request-bytes. Beyond them, the request that has sent most is refused with 503.",
    )
    max_leaving_bytes: int = Field(
        default=MOST_BYTES,
        ge=1,
        description="Most bytes of log probabilities and of written answers until they are sent,"
        " but at least twice --max-answer-bytes. Beyond them, the largest answer is given up.",
    )
    api_key: CommaSeparated[ApiKey] = Field(
        default_factory=list,
        description="A key that requests must bring as `Authorization: Bearer KEY`; repeatable."
        " In the environment, where other users of the machine do not see them, several are"
        " separated by commas. Without one, no key is asked for.",
    )
    admin_api_key: CommaSeparated[ApiKey] = Field(
        default_factory=list,
        description="As --api-key; such a key may also do what concerns everybody: reset the prefix"
        " cache, read the metrics.",
    )
    api_keys_file: Path | None = Field(
        default=None,
        description="A JSON file of further keys, by their SHA-256, with names, weights and"
        " admins; read again at SIGHUP.",
    )
    client_header: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9-]+$",
        description="Header by which clients are told apart where there are no keys, as a proxy in"
        " front sets it; by default their addresses.",
    )
    prefix_cache_isolation: CacheIsolation = Field(
        default="none",
        description="key: requests find only what their own key's requests computed before. With"
        " none, the time to the first token tells whether anybody asked the same.",
    )
    open_metrics: bool = Field(
        default=False, description="Metrics ask for no key, though there are keys."
    )
    allowed_origins: CommaSeparated[Origin] = Field(
        default_factory=list,
        description="An origin whose web pages may use this server (CORS), as"
        " https://example.com, or * for all; repeatable. Without one, none may.",
    )
    api_types: CommaSeparated[ApiType] = Field(
        default_factory=lambda: list(get_args(ApiType)),
        description="An interface to offer; repeatable. All of them unless given.",
    )
    ui: bool | None = Field(
        default=None,
        description="Serve a page to talk to the model, at /; by default where --host is a loopback"
        " address, as 127.0.0.1.",
    )
    shutdown_timeout: float = Field(
        default=30.0,
        ge=0,
        description="Seconds that running requests get to finish after SIGTERM or CTRL+C.",
    )
    max_queue_size: int = Field(
        default=1024,
        ge=0,
        description="Most requests that wait beyond those that run; more are answered with 429.",
    )
    request_timeout: float | None = Field(
        default=None,
        gt=0,
        description="Seconds after which a request that is not finished is ended; no limit when"
        " not given.",
    )
    worker_timeout: float | None = Field(
        default=None,
        gt=0,
        description="Seconds without progress after which the model worker is taken for hung and"
        " started again; by default 10 times what its slowest step should take, 60 to 600 s.",
    )
    logs_console_level: LogLevel = Field(
        default="INFO", description="Lowest level of log records that the console shows."
    )
    log_prefix: str | None = Field(
        default=None, description="Text put before each line of the log."
    )
    logs_file_path: Path | None = Field(
        default=None, description="A file to which the log is appended, besides the console."
    )
    logs_file_level: LogLevel = Field(
        default="INFO", description="Lowest level of log records that the file gets."
    )
    structured_logging: bool = Field(
        default=False,
        description="Write the log as JSON, one object per line; also"
        " MODULAR_STRUCTURED_LOGGING=1.",
    )
    metrics_endpoint_port: int = Field(
        default=8001,
        ge=0,
        le=65535,
        description="Port of the Prometheus metrics, at /metrics; 0 picks a free one.",
    )
    metrics_on_main_port: bool = Field(
        default=False, description="Serve /metrics on the API's port too."
    )
    metric_level: MetricLevel = Field(
        default="BASIC",
        description="NONE serves no metrics; DETAILED adds CPU time and memory of both processes,"
        " and the tokens of each expert.",
    )
    otlp_endpoint: Annotated[str | None, AfterValidator(_check_endpoint)] = Field(
        default=None,
        description="Base URL of an OpenTelemetry collector (OTLP over HTTP) that gets a trace of"
        " each request; also OTEL_EXPORTER_OTLP_ENDPOINT. Without one, nothing is sent.",
    )

    @property
    def serves_page(self) -> bool:
        """Whether there is a page to talk to the model."""
        return is_loopback(self.host) if self.ui is None else self.ui

    @property
    def limits(self) -> dict[str, int]:
        """What bounds single requests and answers."""
        names = ("max_request_bytes", "max_request_values", "max_answer_bytes", "max_queue_size")
        return {name: getattr(self, name) for name in names}

    @property
    def logs(self) -> LogSettings:
        """What is logged, where and how."""
        return LogSettings(
            level=self.logs_console_level,
            prefix=self.log_prefix,
            structured=self.structured_logging,
            file_path=self.logs_file_path,
            file_level=self.logs_file_level,
        )

    @classmethod
    def from_env(
        cls, environ: Mapping[str, str] | None = None, **overrides: object
    ) -> ServerSettings:
        """Reads the settings from the environment; `overrides` that are not None win.

        An empty variable is one that is not set, as deployment templates leave it. Only an empty
        secret is an error: without it the server would be open.

        Args:
            environ: The environment; `os.environ` when None.
            **overrides: Field values, usually from command line flags.

        Raises:
            ValueError: A value is malformed or a field is unknown. The message names the
                environment variable when the value came from one.
        """
        source = os.environ if environ is None else environ
        given = {name: value for name, value in overrides.items() if value is not None}
        from_env = {
            name: source[_variable(name)]
            for name in cls.model_fields
            if name not in given
            and (
                source.get(_variable(name)) or (name in SECRET_FIELDS and _variable(name) in source)
            )
        }
        for name, value in from_env.items():
            try:
                cls.model_validate({name: value})
            except ValidationError as error:
                shown = "" if name in SECRET_FIELDS else f"={value!r}"
                raise ConfigurationError(
                    f"environment variable {_variable(name)}{shown}: {error.errors()[0]['msg']}"
                ) from error
        return cls.model_validate({**from_env, **given})


# The documented name.
Settings = ServerSettings


def forget_secrets(environ: MutableMapping[str, str] | None = None) -> None:
    """Takes the keys out of the environment, which processes that are started from here inherit.

    Args:
        environ: The environment; `os.environ` when None.
    """
    for name in SECRET_FIELDS:
        (os.environ if environ is None else environ).pop(_variable(name), None)


def _variable(field: str) -> str:
    return VARIABLES.get(field, ENV_PREFIX + field.upper())
