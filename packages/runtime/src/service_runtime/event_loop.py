"""Runs a program's main coroutine; apart from the server, so that a worker does not import that."""

import asyncio
from collections.abc import Coroutine
from typing import Any


def run_service(main: Coroutine[Any, Any, None]) -> None:
    """Runs a service's main coroutine on uvloop."""
    try:
        import uvloop
    except ImportError:  # Windows has none.
        asyncio.run(main)
    else:
        uvloop.run(main)
