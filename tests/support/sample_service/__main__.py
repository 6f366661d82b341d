"""Runs the worker: `python -m support.sample_service`, with the settings of a service in the environment."""

import asyncio
import os
import signal
from pathlib import Path

from service_runtime.config import RuntimeSettings, load_settings
from service_runtime.database import Database
from service_runtime.errors import InvalidArgument
from service_runtime.event_loop import run_service
from service_runtime.jobs import JobRun, Worker
from sqlalchemy import text

INSERT = text("INSERT INTO notes (tenant_id, body) VALUES (:tenant_id, :body)")


async def work() -> None:
    """Handles jobs that write, wait, fail or break."""
    settings = load_settings(RuntimeSettings)
    database = Database(settings.database_url)

    async def note(run: JobRun) -> None:
        async with database.tenant_session(run.tenant_id) as session:
            await session.execute(INSERT, {"tenant_id": run.tenant_id, "body": run.payload["body"]})
            await run.finish(session, result={"attempt": run.attempt}, rows_written=1)

    async def wait(run: JobRun) -> None:
        # Waits at its first attempts; the last one that is asked for goes through.
        while run.attempt < run.payload["attempts"]:
            await run.report(progress=0.5, details={"waiting_in": str(run.attempt)})
            await asyncio.sleep(0.05)
        await note(run)

    async def hold(run: JobRun) -> None:
        # Says nothing until it is let go, as a thread that writes a large file.
        await run.report(progress=0.5)
        while not Path(run.payload["gate"]).exists():  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.02)
        Path(run.payload["file"]).write_text("late")  # noqa: ASYNC240
        await note(run)

    async def refuse(run: JobRun) -> None:
        raise InvalidArgument("BAD_FILE", "The file cannot be read.")

    async def crash(run: JobRun) -> None:
        raise RuntimeError("secret inside")

    async def kill(run: JobRun) -> None:
        # As memory that runs out does: without a word.
        if run.attempt <= run.payload["deaths"]:
            os.kill(os.getpid(), signal.SIGKILL)
        await note(run)

    handlers = {"note": note, "wait": wait, "hold": hold, "refuse": refuse, "crash": crash, "kill": kill}
    await Worker(settings, database, "sample", handlers).run()


run_service(work())
