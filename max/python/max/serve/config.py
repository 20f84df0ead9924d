"""Settings of the API server that are not about the model: address, limits, logging."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from max.pipelines.config import ConfigurationError

ENV_PREFIX = "MAX_SERVE_"

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class ServerSettings(BaseModel):
    """Where and how the server listens.

    Every field can be given in the environment as `MAX_SERVE_<FIELD>`, for example
    `MAX_SERVE_PORT=9000`; see `from_env`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default="0.0.0.0", description="Address to listen on.")
    port: int = Field(
        default=8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one."
    )
    max_request_bytes: int = Field(
        default=16 * 1024 * 1024,
        ge=1,
        description="Largest request body in bytes; a larger one is answered with 413.",
    )
    shutdown_timeout: float = Field(
        default=30.0,
        ge=0,
        description="Seconds that running requests get to finish after SIGTERM or CTRL+C.",
    )
    logs_console_level: LogLevel = Field(
        default="INFO", description="Lowest level of log records that the console shows."
    )
    log_prefix: str | None = Field(
        default=None, description="Text put before each line of the log."
    )

    @classmethod
    def from_env(
        cls, environ: Mapping[str, str] | None = None, **overrides: object
    ) -> ServerSettings:
        """Reads the settings from the environment; `overrides` that are not None win.

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
            name: source[ENV_PREFIX + name.upper()]
            for name in cls.model_fields
            if ENV_PREFIX + name.upper() in source and name not in given
        }
        for name, value in from_env.items():
            try:
                cls.model_validate({name: value})
            except ValidationError as error:
                variable = f"{ENV_PREFIX}{name.upper()}"
                raise ConfigurationError(
                    f"environment variable {variable}={value!r}: {error.errors()[0]['msg']}"
                ) from error
        return cls.model_validate({**from_env, **given})
