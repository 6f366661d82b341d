"""The client's exports against the real service, from a lake that goes away again and again."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from atalaya.ingest.v1.exports_pb2 import CreateExportRequest
from atalaya_client import connect, create_export, download_export, follow_job
from ingest_service.config import Settings
from ingest_service.server import build_server
from service_runtime.errors import Unavailable
from service_runtime.lake.local import LocalLake
from support.ingest_exports import download
from support.ingest_running import IngestSuite, Tenant
from support.running import running

pytestmark = pytest.mark.slow

POSTS = "fecha,id,texto\n" + "".join(f"2024-01-05,p{number},hola\n" for number in range(100))


class FailingLake(LocalLake):
    """Every third piece cannot be read, or none."""

    reads = 0
    is_away = False

    def read_range(self, path: str, start: int, size: int) -> bytes:
        FailingLake.reads += 1
        if self.is_away or self.reads % 3 == 0:
            raise Unavailable("LAKE_UNAVAILABLE", "The lake is away.")
        return super().read_range(path, start, size)


@pytest.fixture
async def filled(tenant: Tenant) -> Tenant:
    await tenant.add_account()
    await tenant.run(POSTS, kind="posts", account="banco")
    return tenant


@pytest.fixture
async def url(ingest: IngestSuite, ingest_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    def open_lake(_settings: Settings, tenant_id: UUID) -> FailingLake:
        return FailingLake(ingest.lake_folder / f"tenant={tenant_id}")

    monkeypatch.setattr("ingest_service.server.tenant_lake", open_lake)
    monkeypatch.setattr("ingest_service.exports._PIECE", 1000)
    monkeypatch.setattr(FailingLake, "is_away", False)
    settings = ingest_settings.model_copy(update={"listen_address": "127.0.0.1:0"})
    server = await build_server(settings, verifier=ingest.issuer.verifier())
    async with running(server):
        yield f"http://{server.address}"


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def token_of(tenant: Tenant) -> str:
    return dict(tenant.bearer("viewer"))["authorization"].removeprefix("Bearer ")


async def test_a_download_goes_on_until_it_is_whole(filled: Tenant, url: str, tmp_path: Path) -> None:
    target = tmp_path / "posts.csv"
    async with connect(url, token_of(filled)) as atalaya:
        job_id = await create_export(atalaya, CreateExportRequest(kind="posts", format="csv"))
        job = await follow_job(atalaya, job_id, pause_seconds=0)
        reads = FailingLake.reads
        await download_export(atalaya, job, target, pause_seconds=0)
    assert target.read_bytes() == await download(filled, job_id)
    assert files_in(tmp_path) == [target]
    # The control: there were failures, and nothing was sent twice.
    pieces = -(-target.stat().st_size // 1000)
    assert pieces < FailingLake.reads - reads < 2 * pieces


async def test_what_was_brought_stays_when_it_is_given_up(
    filled: Tenant, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "posts.jsonl"
    async with connect(url, token_of(filled)) as atalaya:
        job_id = await create_export(atalaya, CreateExportRequest(kind="posts", format="jsonl"))
        job = await follow_job(atalaya, job_id, pause_seconds=0)
        monkeypatch.setattr(FailingLake, "is_away", True)
        with pytest.raises(Unavailable, match="LAKE_UNAVAILABLE"):
            await download_export(atalaya, job, target, pause_seconds=0)
        assert not target.exists()
        [part] = files_in(tmp_path)
        part.write_bytes((await download(filled, job_id))[:1500] + b"?")
        monkeypatch.setattr(FailingLake, "is_away", False)
        with pytest.raises(ValueError, match="not the one"):
            await download_export(atalaya, job, target, pause_seconds=0)
        await download_export(atalaya, job, target, pause_seconds=0)
    assert target.read_bytes() == await download(filled, job_id)


async def test_the_command_exports_to_a_file(filled: Tenant, url: str, tmp_path: Path) -> None:
    target = tmp_path / "metrics.csv"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "atalaya_client", "export", "--kind", "metrics", "--raw", "-o", str(target)),
        env={**os.environ, "ATALAYA_URL": url, "ATALAYA_TOKEN": token_of(filled)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, problem = await process.communicate()
    assert process.returncode == 0, problem
    assert b"export  SUCCEEDED" in out
    assert target.read_bytes().startswith(b'"cuenta","hora"')
