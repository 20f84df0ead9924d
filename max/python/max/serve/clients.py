"""Who asks: a client, by an API key or by where it asks from."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from max.pipelines.config import ConfigurationError

logger = logging.getLogger(__name__)

MAX_NAME_LENGTH = 100
_FIELDS: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "sha256": (str,),
    "weight": (int, float),
    "admin": (bool,),
}


@dataclass(frozen=True)
class Client:
    """Somebody whose requests count together.

    Attributes:
        name: Of the key, or an address.
        weight: Its part of the places, beside those of others.
        is_admin: May do what concerns everybody.
        has_key: It is known by a key.
    """

    name: str = ""
    weight: float = 1.0
    is_admin: bool = False
    has_key: bool = False

    @property
    def key(self) -> str | None:
        """The name of its key, if it has one."""
        return self.name if self.has_key else None


class Keys:
    """The API keys of a server.

    All keys are compared, and digests in constant time: how long that takes tells nothing about a
    key, its length included.

    Args:
        keys: Of users; named `key-1` and so on in metrics.
        admin_keys: Of who may do what concerns everybody; named `admin-1` and so on.
        file: Further ones, see `read_keys_file`.

    Raises:
        ConfigurationError: The file cannot be read.
    """

    def __init__(
        self, keys: Iterable[str] = (), admin_keys: Iterable[str] = (), file: Path | None = None
    ) -> None:
        self._file = file
        self._given = {
            digest_of(key): Client(f"key-{number}", has_key=True)
            for number, key in enumerate(keys, 1)
        } | {
            digest_of(key): Client(f"admin-{number}", is_admin=True, has_key=True)
            for number, key in enumerate(admin_keys, 1)
        }
        self._clients = self._given | ({} if file is None else read_keys_file(file))

    def __bool__(self) -> bool:
        """Whether a key is asked for. A file without keys lets nobody in."""
        return bool(self._clients) or self._file is not None

    @property
    def has_admins(self) -> bool:
        """Whether a key of an admin's is among them."""
        return any(client.is_admin for client in self._clients.values())

    def find(self, authorization: str | None) -> Client | None:
        """Whose key a header `Authorization: Bearer KEY` has; None if it has none of ours."""
        scheme, _, credentials = (authorization or "").partition(" ")
        given = digest_of(credentials.strip())
        found = None
        for digest, client in self._clients.items():
            if hmac.compare_digest(given, digest):
                found = client
        return found if scheme.lower() == "bearer" else None

    def reload(self) -> None:
        """Reads the file again; if that fails, the keys stay as they are and the log says so."""
        if self._file is None:
            return
        try:
            self._clients = self._given | read_keys_file(self._file)
        except ConfigurationError as error:
            logger.error("The API keys stay as they were: %s", error)
        else:
            logger.info("%d API keys are known now", len(self._clients))


def digest_of(key: str) -> bytes:
    """SHA-256 of a key."""
    return hashlib.sha256(key.encode()).digest()


def read_keys_file(path: Path) -> dict[bytes, Client]:
    """The keys of a file, by their digests.

    It is JSON: `{"keys": [{"name": "a", "sha256": "<hex>", "weight": 2, "admin": true}]}`, of which
    `weight` (1) and `admin` (false) may be left out.

    Raises:
        ConfigurationError: It cannot be read, or says something else.
    """
    try:
        content = json.loads(path.read_bytes())
        entries = content["keys"]
        clients = {}
        for entry in entries:
            digest, client = _read_entry(entry)
            clients[digest] = client
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"{path} (--api-keys-file) cannot be read: {type(error).__name__}: {error}. It is"
            ' {"keys": [{"name": ..., "sha256": ..., "weight": ..., "admin": ...}]}'
        ) from error
    if len(clients) < len(entries) or len({c.name for c in clients.values()}) < len(entries):
        raise ConfigurationError(f"{path} (--api-keys-file): a name or a sha256 is there twice")
    return clients


def _read_entry(entry: Mapping[str, Any]) -> tuple[bytes, Client]:
    for field, value in entry.items():
        if field not in _FIELDS or not isinstance(value, _FIELDS[field]):
            raise ValueError(f"{field!r}: {value!r:.40}")
    digest = bytes.fromhex(entry["sha256"])
    weight = float(entry.get("weight", 1))
    if len(digest) != hashlib.sha256().digest_size:
        raise ValueError(f"the sha256 of {entry['name']!r} has {len(digest)} bytes")
    if not 0 < weight < float("inf") or not 0 < len(entry["name"]) <= MAX_NAME_LENGTH:
        raise ValueError(f"the weight or the name of {entry['name']!r:.120}")
    return digest, Client(entry["name"], weight, bool(entry.get("admin")), has_key=True)
