"""The gateway: Envoy's configuration, OpenAPI and the documentation's pages, all made from the contracts."""

from atalaya_gateway.render import render

__all__ = ["render"]
