"""Routes of the pages, answered from files."""

from atalaya_gateway.pages import PAGES, Page
from atalaya_gateway.rest_routes import TRANSCODER, match, method_is_none_of, refuse
from atalaya_gateway.typed import JsonObject, disabled


def page_routes() -> list[JsonObject]:
    """Gives two routes per page: the page, and the refusal of other methods."""
    return [route for page in PAGES for route in (_refuse_others(page), _page(page))]


def _page(page: Page) -> JsonObject:
    return {
        "match": match(page.path),
        "direct_response": {"status": 200, "body": {"filename": f"${{PAGES}}/{page.file}"}},
        "response_headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in page.headers
        ],
        "typed_per_filter_config": {TRANSCODER: disabled()},
    }


def _refuse_others(page: Page) -> JsonObject:
    return refuse(match(page.path, *method_is_none_of(["GET", "HEAD"])), 405, "allow", "GET, HEAD, OPTIONS")
