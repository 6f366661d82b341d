"""Single changes go on, and reach the lake, while an import writes; what both touch ends as one of the two says."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from ingest_service import record_row_store
from ingest_service.counter_store import ImportNumbers
from ingest_service.lake_changes_store import LakeChanges
from ingest_service.lake_copy import LakeCopy
from ingest_service.lake_store import LakeStore
from ingest_service.record_kinds import POST_RECORDS
from ingest_service.record_store import RecordLoad
from service_runtime.database import driver_of
from service_runtime.errors import Unavailable
from service_runtime.lake.local import LocalLake
from sqlalchemy import text
from support.ingest_records import WHEN, create, delete, lake_differences, lake_follows, update
from support.ingest_running import Tenant
from support.running import refusal

pytestmark = pytest.mark.slow

ABSENT = ("impresiones", "alcance", "guardados", "reproducciones")


def rows(*posts: tuple[str, int, datetime], account: int = 1, line: int = 2) -> pa.Table:
    """Gives typed rows as a file has them: ids at their source, likes, times."""
    found: list[dict[str, Any]] = []
    for number, (key, likes, when) in enumerate(posts):
        row = dict.fromkeys(POST_RECORDS.columns, "") | dict.fromkeys(ABSENT)
        row |= {"id_usuario": account, "clave": key, "id_externo": key, "contenido": key, "fecha_publicacion": when}
        row |= {"likes": likes, "comentarios": 0, "compartidos": 0, "menciones": 0}
        found.append({"line": line + number, **row, "key_hash": hash(key) % 2**63})
    whole = pa.int32()
    types = dict.fromkeys(("line", "id_usuario", "likes", "comentarios", "compartidos", "menciones", *ABSENT), whole)
    types |= {"fecha_publicacion": pa.timestamp("us", "UTC"), "key_hash": pa.uint64()}
    return pa.Table.from_pylist(found, pa.schema([(name, types.get(name, pa.string())) for name in found[0]]))


@asynccontextmanager
async def importing(tenant: Tenant, accounts: Sequence[int] = (1,)) -> AsyncIterator[RecordLoad]:
    """Gives an import in the middle of its transaction, which ends with the context."""
    database = tenant.suite.database
    async with database.tenant_session(tenant.tenant_id) as session:
        driver = driver_of(session)
        numbers = ImportNumbers(database, tenant.tenant_id, "posts", trial=False)
        load = RecordLoad(session, driver, tenant.tenant_id, POST_RECORDS, numbers)
        await load.take_turn()
        await load.begin(accounts)
        yield load


async def settled(load: RecordLoad) -> tuple[int, int]:
    last = [done async for done in load.settle()][-1]
    return last.written, last.unchanged


async def likes(tenant: Tenant) -> dict[str, int]:
    posts = await tenant.posts()
    assert len({post.id for post in posts}) == len(posts)
    return {post.contenido: post.likes for post in posts}


async def lake_is_brought_up(tenant: Tenant) -> None:
    """As the import's own job would do it after its transaction."""
    async with tenant.suite.database.tenant_session(tenant.tenant_id) as session:
        await LakeChanges().queue(session, tenant.tenant_id)
    await lake_follows(tenant, 30)


async def test_single_changes_reach_the_lake_while_an_import_has_not_ended(tenant: Tenant) -> None:
    await tenant.add_account()
    kept, gone = await create(tenant, "kept"), await create(tenant, "gone")
    async with importing(tenant) as load:
        await load.copy(load.prepare(rows(("a", 1, WHEN), ("b", 2, WHEN))))
        await create(tenant, "new", likes=3)
        await update(tenant, kept.id, "kept", likes=4)
        await delete(tenant, gone.id)
        assert await likes(tenant) == {"new": 3, "kept": 4}
        await lake_follows(tenant, 30)
        assert {row["contenido"] for row in tenant.lake_rows("social/posts")} == {"new", "kept"}
        assert await settled(load) == (2, 0)
    assert await likes(tenant) == {"new": 3, "kept": 4, "a": 1, "b": 2}
    await lake_is_brought_up(tenant)


@pytest.mark.parametrize("before_the_rows", [True, False])
async def test_a_post_that_somebody_adds_meanwhile_is_the_imports_too(tenant: Tenant, before_the_rows: bool) -> None:
    """Where the account had no posts the row goes in at once, so its key is seen there; else at the end."""
    await tenant.add_account()
    if not before_the_rows:
        await create(tenant, "other", id_externo="other")
    moved = WHEN + timedelta(days=90)
    async with importing(tenant) as load:
        await create(tenant, "mine", id_externo="b", likes=9)
        await lake_follows(tenant, 30)
        await load.copy(load.prepare(rows(("a", 1, WHEN), ("b", 2, moved), ("c", 3, WHEN))))
        assert await settled(load) == (3, 0)
    found = await likes(tenant)
    assert found == {"a": 1, "b": 2, "c": 3} | ({} if before_the_rows else {"other": 0})
    await lake_is_brought_up(tenant)


async def test_what_is_changed_after_it_was_found_is_not_lost(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    await tenant.add_account()
    posts = [await create(tenant, name, id_externo=name) for name in ("moved", "renamed", "gone", "same")]
    found, first = RecordLoad._hold, [True]

    async def meanwhile(load: RecordLoad) -> int:
        if first.pop() if first else False:
            await update(tenant, posts[0].id, "moved", WHEN + timedelta(days=60), id_externo="moved")
            await update(tenant, posts[1].id, "renamed", id_externo="another")
            await delete(tenant, posts[2].id)
            await lake_follows(tenant, 30)
        return await found(load)

    monkeypatch.setattr(RecordLoad, "_hold", meanwhile)
    async with importing(tenant) as load:
        await load.copy(load.prepare(rows(*((name, 5, WHEN) for name in ("moved", "renamed", "gone", "same")))))
        assert await settled(load) == (4, 0)
    assert not first
    async with tenant.suite.database.tenant_session(tenant.tenant_id) as session:
        kept = await session.execute(text("SELECT clave, likes FROM posts"))
        assert {row.clave: row.likes for row in kept} == {"moved": 5, "renamed": 5, "gone": 5, "same": 5, "another": 0}
    await lake_is_brought_up(tenant)


async def test_the_very_post_that_an_import_writes_is_busy_and_not_waited_for(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_row_store, "_LONGEST_WAIT", text("SET LOCAL lock_timeout = '100ms'"))
    await tenant.add_account()
    mine = await create(tenant, "mine", id_externo="m")
    async with importing(tenant) as load:
        await load.copy(load.prepare(rows(("m", 7, WHEN), ("n", 1, WHEN))))
        await settled(load)
        for call in (
            create(tenant, "n", id_externo="n"),
            update(tenant, mine.id, "mine", id_externo="m"),
            delete(tenant, mine.id),
        ):
            error = await refusal(call)
            assert (type(error), error.reason, error.http_status) == (Unavailable, "RECORD_BUSY", 503)
    error = await refusal(create(tenant, "n", id_externo="n"))
    assert error.reason == "PUBLICACION_EXISTS"
    assert await likes(tenant) == {"m": 7, "n": 1}
    await lake_is_brought_up(tenant)


async def test_a_trial_takes_no_numbers(tenant: Tenant) -> None:
    await tenant.add_account()
    numbers = ImportNumbers(tenant.suite.database, tenant.tenant_id, "posts", trial=True)
    assert (await numbers.take(3), await numbers.take(2)) == (-(2**31) - 1, -(2**31) + 2)
    job = await tenant.run("fecha,texto\n2024-01-05,a\n", kind="posts", account="banco", dry_run=True)
    assert job.rows_written == 1
    assert (await create(tenant)).id == 1


async def test_of_a_large_copy_what_somebody_waits_for_goes_first(tenant: Tenant, tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(6)]
    file = "cuenta,fecha,texto\n" + "".join(f"{name},2024-01-05T10:00:00Z,a\n" for name in names)
    await tenant.run(file, kind="posts", account_column="cuenta", create_accounts=True)
    tenant.set_partitions("changed = changed + 1")
    lake = LocalLake(tenant.lake)
    ticks = iter(range(10_000))
    # By this clock every account takes longer than a commit may.
    copy = LakeCopy(tenant.suite.database, LakeStore(), lambda _: lake, lambda: next(ticks) * 10.0)
    steps = aiter(copy.bring_up_to_date(tenant.tenant_id, "posts", tmp_path))
    assert await anext(steps) == pytest.approx(1 / 6)
    tenant.set_partitions("changed = changed + 1, urgent = (id_usuario = 5)")
    await anext(steps)
    left = tenant.query(
        "SELECT id_usuario, urgent FROM lake_partitions WHERE tenant_id = {tenant} AND copied < changed"
    )
    assert 5 not in {row["id_usuario"] for row in left}
    assert {row["urgent"] for row in left} == {False}
    # What was changed since it was copied is for who changed it; what is left is copied to the end.
    assert [done async for done in steps][-1] == 1
    assert len(tenant.lake_rows("social/posts")) == 6


async def test_a_copy_leaves_the_table_to_others_between_its_commits(tenant: Tenant, tmp_path: Path) -> None:
    file = "cuenta,fecha,texto\n" + "".join(f"c{number},2024-01-05T10:00:00Z,a\n" for number in range(4))
    await tenant.run(file, kind="posts", account_column="cuenta", create_accounts=True)
    tenant.set_partitions("changed = changed + 1")
    lake = LocalLake(tenant.lake)
    ticks = iter(range(10_000))
    copy = LakeCopy(tenant.suite.database, LakeStore(), lambda _: lake, lambda: next(ticks) * 10.0)
    steps = aiter(copy.bring_up_to_date(tenant.tenant_id, "posts", tmp_path))
    await anext(steps)
    await create(tenant, "quick", datetime(2024, 9, 1, tzinfo=UTC), usuario="c3")
    # Held by nobody, or the worker could not copy it.
    await lake_follows(tenant, 30)
    assert "quick" in [row["contenido"] for row in tenant.lake_rows("social/posts")]
    assert [done async for done in steps] == []
    assert await lake_differences(tenant.suite, tenant.tenant_id) == []
