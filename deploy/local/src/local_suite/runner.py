"""`up`: from a folder to a running suite, and to nothing again."""

import asyncio
import os
import time

from local_suite import demo_load, lock, state
from local_suite.checks import check_disk, check_environment, check_port
from local_suite.home import Home
from local_suite.leftovers import end_leftovers
from local_suite.screen import Screen
from local_suite.service_settings import check_settings
from local_suite.suite import Suite, stop_signals


def up(home: Home, screen: Screen) -> None:
    """Runs the suite in the foreground until it is asked to stop."""
    check_environment(os.environ)
    new = home.prepare()
    with lock.hold(home):
        # Noted first: a start that is refused below leaves a home that is not new any more.
        load_demo = demo_load.wanted(home, new=new, setting=os.environ.get("DEMO", "1"))
        check_disk(home)
        left = end_leftovers(home)
        if left:
            screen.line(f"Ended {left} processes that an earlier run had left.")
        check_port(home.port)
        check_settings(home)
        asyncio.run(_run(home, screen, load_demo=load_demo))


async def _run(home: Home, screen: Screen, *, load_demo: bool) -> None:
    began = time.monotonic()
    screen.line(f"Starting the suite in {home.path}; Ctrl-C stops it.")
    suite = Suite(home, screen.line)
    stop = asyncio.Event()
    stop_signals(stop, suite.kill)
    work = asyncio.create_task(_serve(suite, screen, began, load_demo=load_demo))
    asked = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([work, asked], return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
    finally:
        for task in (work, asked):
            task.cancel()
        await asyncio.gather(work, asked, return_exceptions=True)
        screen.line("Stopping the suite.")
        await suite.stop()
        state.path(home).unlink(missing_ok=True)
        screen.line("Everything has ended.")


async def _serve(suite: Suite, screen: Screen, began: float, *, load_demo: bool) -> None:
    missing = await suite.start()
    current = state.read(suite.home)
    if current is not None:
        screen.suite(suite.home, current)
    if missing:
        screen.line(f"Not running: {', '.join(missing)}. The rest of the suite answers.")
    screen.line(f"Ready after {time.monotonic() - began:.1f} s.")
    demo = asyncio.create_task(_demo(suite.home, screen, load=load_demo and not missing))
    try:
        await suite.watch()
    finally:
        demo.cancel()
        await asyncio.gather(demo, return_exceptions=True)


async def _demo(home: Home, screen: Screen, *, load: bool) -> None:
    if load:
        screen.line("Loading the demo data; the suite answers meanwhile.")
        began = time.monotonic()
        if await demo_load.load(home):
            screen.line(f"The demo data are loaded ({time.monotonic() - began:.0f} s).")
        else:
            screen.line(f"The demo data could not be loaded; {home.log('demo')} says why, make demo tries again.")
    screen.logins(home)
