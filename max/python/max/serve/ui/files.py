"""The files of the page, as they are served."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).resolve().parent / "page"
INDEX = "index.html"
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
# Nothing from elsewhere, nothing inline, no frame around it.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # A browser asks whether a file has changed; the page is never of two versions.
    "cache-control": "no-cache",
}


class PageFile:
    """A file of the page, in memory."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._content = path.read_bytes()
        self._type = _TYPES[path.suffix]
        self._etag = f'"{hashlib.sha256(self._content).hexdigest()[:32]}"'

    @property
    def path(self) -> str:
        """Where it is served; `INDEX` is the page itself."""
        return "/" if self.name == INDEX else f"/ui/{self.name}"

    @property
    def route(self) -> Route:
        """Its route."""
        return Route(self.path, self.answer, methods=["GET"])

    async def answer(self, request: Request) -> Response:
        """The file, or 304 if the browser has it."""
        headers = {**HEADERS, "etag": self._etag}
        if request.headers.get("if-none-match") == self._etag:
            return Response(status_code=304, headers=headers)
        return Response(self._content, headers=headers, media_type=self._type)


def page_files() -> Iterator[PageFile]:
    """Reads the page's files."""
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in _TYPES:
            yield PageFile(path)
