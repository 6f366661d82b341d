"""The pages: the documentation, and where mails lead to; which there are, and where their files come from."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import drf_spectacular_sidecar

_NO_ELSEWHERE = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; connect-src 'self'"
# Swagger UI and ReDoc set styles from their scripts; ReDoc searches in a worker made from a blob.
_CONTENT_POLICY = (
    f"{_NO_ELSEWHERE}; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; worker-src 'self' blob:"
)
_SIDECAR = Path(drf_spectacular_sidecar.__file__).parent / "static/drf_spectacular_sidecar"
_SWAGGER = _SIDECAR / "swagger-ui-dist"


# ReDoc shows its maker's logo from elsewhere, which the content policy forbids.
_LOGO_ELSEWHERE, _LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg", b"/docs/icon.png"


@dataclass(frozen=True)
class Page:
    """A path answered from a file; `source` is where a third party's file comes from."""

    path: str
    file: str
    content_type: str
    source: Path | None = None

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What the reply says besides its body."""
        # Pages of a suite may be newer tomorrow; a third party's scripts change with the installation only.
        cache = "no-cache" if self.source is None else "max-age=3600"
        headers = [("content-type", self.content_type), ("cache-control", cache), ("x-content-type-options", "nosniff")]
        if self.content_type.startswith("text/html"):
            headers += [("content-security-policy", _CONTENT_POLICY), ("referrer-policy", "no-referrer")]
        return tuple(headers)


_HTML, _SCRIPT, _STYLE = "text/html; charset=utf-8", "text/javascript; charset=utf-8", "text/css; charset=utf-8"

PAGES = (
    Page("/openapi.json", "openapi.json", "application/json"),
    Page("/docs", "docs.html", _HTML),
    Page("/docs/page.js", "docs.js", _SCRIPT),
    Page("/docs/page.css", "docs.css", _STYLE),
    Page("/docs/swagger-ui.js", "swagger-ui-bundle.js", _SCRIPT, _SWAGGER / "swagger-ui-bundle.js"),
    Page("/docs/swagger-ui.css", "swagger-ui.css", _STYLE, _SWAGGER / "swagger-ui.css"),
    Page("/docs/icon.png", "favicon-32x32.png", "image/png", _SWAGGER / "favicon-32x32.png"),
    Page("/register", "register.html", _HTML),
    Page("/reset-password", "reset-password.html", _HTML),
    Page("/account/page.js", "account.js", _SCRIPT),
    Page("/account/page.css", "account.css", _STYLE),
    Page("/redoc", "redoc.html", _HTML),
    Page("/redoc/page.js", "redoc.js", _SCRIPT),
    Page("/redoc/redoc.js", "redoc.standalone.js", _SCRIPT, _SIDECAR / "redoc/bundles/redoc.standalone.js"),
)


def write_pages(folder: Path, openapi: bytes) -> None:
    """Writes the files of all pages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    own = resources.files("atalaya_gateway") / "page_files"
    for page in PAGES:
        target = folder / page.file
        if page.source is not None:
            target.write_bytes(page.source.read_bytes().replace(_LOGO_ELSEWHERE, _LOGO))
        elif page.file == "openapi.json":
            target.write_bytes(openapi)
        else:
            target.write_bytes((own / page.file).read_bytes())
