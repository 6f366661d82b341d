"""Imports of posts: what comes in, what changes, what is rejected, and the lake's copy of it."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from atalaya.jobs.v1 import job_pb2
from support.ingest_running import Tenant

POSTS = """fecha,texto,likes,comments,shares,id
2024-01-31 20:00:00,¡Hola #Lima! @ana,10,2,1,p1
2024-02-01 09:30:00,"una línea
y otra, con coma",5,,0,p2
2024-02-01T15:30:00Z,,0,0,0,p3
"""
SUCCEEDED, FAILED = job_pb2.JobStatus.SUCCEEDED, job_pb2.JobStatus.FAILED


async def test_imported_posts_are_read_back_as_they_stand_in_the_file(tenant: Tenant) -> None:
    await tenant.add_account()
    job = await tenant.run(POSTS, kind="posts", account="banco", timezone="America/Lima")
    assert (job.status, job.rows_read, job.rows_written, job.rows_rejected) == (SUCCEEDED, 3, 3, 0), job
    first, second, third = await tenant.posts()
    assert first.fecha_publicacion.ToDatetime(UTC) == datetime(2024, 2, 1, 1, 0, tzinfo=UTC)
    assert (first.contenido, first.hashtags, first.menciones) == ("¡Hola #Lima! @ana", "#Lima", 1)
    assert (first.id_publicacion, first.likes, first.comentarios, first.compartidos) == (1, 10, 2, 1)
    assert second.contenido == "una línea\ny otra, con coma"
    assert (third.contenido, third.id_externo) == ("", "p3")
    assert third.fecha_publicacion.ToDatetime(UTC) == datetime(2024, 2, 1, 15, 30, tzinfo=UTC)
    assert not third.HasField("alcance")


async def test_times_without_offset_are_in_the_tenants_time_zone(tenant: Tenant) -> None:
    await tenant.add_account()
    job = await tenant.run("fecha,texto\n2024-01-01 12:00,hola\n", kind="posts", account="banco")
    assert job.details["timezone"] == "America/Mexico_City"
    [post] = await tenant.posts_json()
    assert post["fecha_publicacion"] == "2024-01-01T18:00:00Z"


async def test_the_same_file_again_changes_nothing(tenant: Tenant) -> None:
    await tenant.add_account()
    await tenant.run(POSTS, kind="posts", account="banco")
    version = tenant.lake_version("social/posts")
    before = await tenant.posts()
    job = await tenant.run(POSTS, kind="posts", account="banco")
    assert (job.rows_read, job.rows_written, job.rows_unchanged) == (3, 0, 3)
    assert await tenant.posts() == before
    assert tenant.lake_version("social/posts") == version


async def test_a_changed_row_is_written_and_keeps_its_number(tenant: Tenant) -> None:
    await tenant.add_account()
    await tenant.run(POSTS, kind="posts", account="banco")
    job = await tenant.run(POSTS.replace(",10,2,1,p1", ",11,2,1,p1"), kind="posts", account="banco")
    assert (job.rows_written, job.rows_unchanged) == (1, 2)
    assert [(post.id_publicacion, post.likes) for post in await tenant.posts()] == [(1, 11), (2, 5), (3, 0)]
    lake = {row["clave"]: row["likes"] for row in tenant.lake_rows("social/posts")}
    assert lake == {"p1": 11, "p2": 5, "p3": 0}


async def test_a_post_that_moves_to_another_month_leaves_the_old_partition(tenant: Tenant) -> None:
    await tenant.add_account()
    await tenant.run("fecha,texto,id\n2024-01-05,a,1\n2024-01-06,b,2\n", kind="posts", account="banco")
    await tenant.run("fecha,texto,id\n2024-03-05,a,1\n", kind="posts", account="banco")
    rows = sorted((row["mes"], row["clave"]) for row in tenant.lake_rows("social/posts"))
    assert rows == [("2024-01", "2"), ("2024-03", "1")]


async def test_of_rows_with_one_key_the_last_wins_and_repeating_changes_nothing(tenant: Tenant) -> None:
    await tenant.add_account()
    file = "fecha,texto,likes,id\n2024-01-05,a,1,x\n2024-01-05,a,2,x\n2024-01-05,a,3,x\n"
    job = await tenant.run(file, kind="posts", account="banco")
    assert (job.rows_read, job.rows_written, job.rows_unchanged) == (3, 1, 2)
    again = await tenant.run(file, kind="posts", account="banco")
    assert (again.rows_written, again.rows_unchanged) == (0, 3)
    assert [post.likes for post in await tenant.posts()] == [3]


async def test_without_an_id_account_time_and_text_are_the_key(tenant: Tenant) -> None:
    await tenant.add_account()
    await tenant.run("fecha,texto,likes\n2024-01-05,a,1\n2024-01-05,b,1\n", kind="posts", account="banco")
    job = await tenant.run("fecha,texto,likes\n2024-01-05,a,9\n2024-01-06,a,1\n", kind="posts", account="banco")
    assert (job.rows_written, job.rows_unchanged) == (2, 0)
    assert sorted((post.contenido, post.likes) for post in await tenant.posts()) == [("a", 1), ("a", 9), ("b", 1)]


async def test_bad_rows_are_listed_with_line_column_value_and_reason(tenant: Tenant) -> None:
    await tenant.add_account()
    file = (
        'fecha,texto,likes,id\n2024-01-05,"dos\nlíneas",1,1\nayer,b,1,2\n2024-01-05,c,-1,3\n2024-01-05,d,muchos,4\n'
        "2024-01-05,e,2147483648,5\n2024-01-05,f\n,g,1,7\n2024-01-05,h,2147483647,8\n2024-01-05,i,1.5,9\n"
    )
    job = await tenant.run(file, kind="posts", account="banco")
    assert (job.status, job.rows_read, job.rows_written, job.rows_rejected) == (SUCCEEDED, 9, 2, 7)
    rejected = [(row.line, row.column, row.value, row.reason) for row in await tenant.rejected(job.job_id)]
    assert rejected == [
        (4, "fecha", "ayer", "not a time"),
        (5, "likes", "-1", "below zero"),
        (6, "likes", "muchos", "not a number"),
        (7, "likes", "2147483648", "more than 2147483647"),
        (8, "", "", "has 2 cells, the header 4"),
        (9, "fecha", "", "is empty"),
        (11, "likes", "1.5", "not a whole number"),
    ]
    assert (await tenant.rejected(job.job_id))[0].raw == "ayer,b,1,2"


async def test_on_error_fail_writes_nothing_where_a_row_is_bad(tenant: Tenant) -> None:
    await tenant.add_account()
    job = await tenant.run("fecha,texto\n2024-01-05,a\nayer,b\n", kind="posts", account="banco", on_error="fail")
    assert (job.status, job.code, job.rows_written, job.rows_rejected) == (FAILED, "ROWS_REJECTED", 0, 1)
    assert await tenant.posts() == []
    assert len(await tenant.rejected(job.job_id)) == 1
    assert not (tenant.lake / "social").exists()


async def test_a_dry_run_counts_and_writes_nothing(tenant: Tenant) -> None:
    await tenant.add_account()
    job = await tenant.run(POSTS + "x,y,z\n", kind="posts", account="banco", dry_run=True)
    assert (job.status, job.rows_written, job.rows_rejected, job.details["dry_run"]) == (SUCCEEDED, 3, 1, "true")
    assert await tenant.posts() == []
    assert not (tenant.lake / "social").exists()


async def test_rows_of_accounts_that_the_tenant_has_not_are_rejected(tenant: Tenant) -> None:
    await tenant.add_account("Banco")
    file = "cuenta,fecha,texto\nbanco ,2024-01-05,a\ncaja,2024-01-05,b\n"
    job = await tenant.run(file, kind="posts", account_column="cuenta")
    assert (job.rows_written, job.rows_rejected) == (1, 1)
    [rejected] = await tenant.rejected(job.job_id)
    assert (rejected.column, rejected.value, rejected.reason) == ("cuenta", "caja", "not an account of the tenant")
    assert [row["cuenta"] for row in tenant.lake_rows("social/posts")] == ["Banco"]


async def test_create_accounts_makes_the_accounts_of_the_file(tenant: Tenant) -> None:
    file = "cuenta,fecha,texto\nbanco,2024-01-05,a\nCaja O'Hara ñ,2024-01-05,b\nBANCO,2024-01-06,c\n"
    job = await tenant.run(file, kind="posts", account_column="cuenta", create_accounts=True)
    assert (job.status, job.rows_written) == (SUCCEEDED, 3)
    assert len(await tenant.posts("BANCO")) == 2
    assert {row["cuenta"] for row in tenant.lake_rows("social/posts")} == {"BANCO", "Caja O'Hara ñ"}


async def test_a_missing_column_fails_the_job_and_names_the_columns_seen(tenant: Tenant) -> None:
    await tenant.add_account()
    job = await tenant.run("cuando,texto\n2024-01-05,a\n", kind="posts", account="banco")
    assert (job.status, job.code) == (FAILED, "COLUMN_MISSING")
    assert "fecha_publicacion" in job.error
    assert "cuando, texto" in job.error


async def test_the_mapping_goes_over_the_synonyms(tenant: Tenant) -> None:
    await tenant.add_account()
    file = "fecha,cuando,texto,reactions,Me Gusta\n2020-01-01,2024-01-05,a,100,7\n"
    job = await tenant.run(file, kind="posts", account="banco", mapping="fecha_publicacion:cuando", timezone="UTC")
    [post] = await tenant.posts_json()
    assert (post["fecha_publicacion"], post["likes"]) == ("2024-01-05T00:00:00Z", 7)
    assert job.details["left_alone"] == "fecha, reactions"
    assert job.details["mapping"] == "fecha_publicacion:cuando, contenido:texto, likes:Me Gusta"


@pytest.mark.parametrize(
    ("cells", "likes"),
    [
        (["1,234", "12"], [1234, 12]),
        (["1.234", "12"], [1234, 12]),
        (["1.2K", "3"], [1200, 3]),
        (["1 234", "2 000 000"], [1234, 2_000_000]),
        (["12.0", "3.0"], [12, 3]),
        (["", " 7 "], [0, 7]),
    ],
)
async def test_counts_are_read_by_what_the_column_says(tenant: Tenant, cells: list[str], likes: list[int]) -> None:
    await tenant.add_account()
    rows = "".join(f"2024-01-0{number};a;{cell}\n" for number, cell in enumerate(cells, 1))
    job = await tenant.run(f"fecha;texto;likes\n{rows}", kind="posts", account="banco")
    assert job.rows_rejected == 0
    assert [post.likes for post in await tenant.posts()] == likes


@pytest.mark.parametrize(
    ("cells", "days"),
    [
        (["05/02/2024", "25/02/2024"], ["2024-02-05", "2024-02-25"]),
        (["02/05/2024", "02/25/2024"], ["2024-02-05", "2024-02-25"]),
        (["5.2.24", "25.2.24"], ["2024-02-05", "2024-02-25"]),
        (["20240205", "20240225"], ["2024-02-05", "2024-02-25"]),
        (["2024/02/05", "2024-02-25T00:00:00.000+00:00"], ["2024-02-05", "2024-02-25"]),
        (["Mon Feb 05 00:00:00 +0000 2024", "Sun Feb 25 00:00:00 +0000 2024"], ["2024-02-05", "2024-02-25"]),
        (["1707091200", "1708819200"], ["2024-02-05", "2024-02-25"]),
        (["1707091200000", "1708819200000"], ["2024-02-05", "2024-02-25"]),
        (["5 Feb 2024", "25 February 2024"], ["2024-02-05", "2024-02-25"]),
        (["Feb 5, 2024", "February 25, 2024"], ["2024-02-05", "2024-02-25"]),
        (["05/02/2024 12:00 AM", "25/02/2024 12:00 AM"], ["2024-02-05", "2024-02-25"]),
    ],
)
async def test_dates_are_read_by_what_the_column_says(tenant: Tenant, cells: list[str], days: list[str]) -> None:
    await tenant.add_account()
    rows = "".join(f'"{cell}";a\n' for cell in cells)
    job = await tenant.run(f"fecha;texto\n{rows}", kind="posts", account="banco", timezone="UTC")
    assert job.rows_rejected == 0, await tenant.rejected(job.job_id)
    assert [post["fecha_publicacion"] for post in await tenant.posts_json()] == [f"{day}T00:00:00Z" for day in days]


async def test_the_lake_holds_what_the_record_holds(tenant: Tenant) -> None:
    await tenant.add_account()
    await tenant.run(POSTS, kind="posts", account="banco", timezone="America/Lima")
    kept = tenant.query("SELECT * FROM posts WHERE tenant_id = {tenant}")
    lake = tenant.lake_rows("social/posts")
    assert {row["mes"] for row in lake} == {"2024-02"}
    key = "id_publicacion"
    in_lake = {row[key]: {name: row[name] for name in row if name not in ("cuenta", "mes")} for row in lake}
    assert in_lake == {row[key]: {name: row[name] for name in row if name != "tenant_id"} for row in kept}


async def test_the_uploaded_file_is_gone_when_the_job_has_ended_well(tenant: Tenant) -> None:
    await tenant.add_account()
    job = await tenant.run(POSTS, kind="posts", account="banco")
    assert not (tenant.lake / "imports" / f"{UUID(job.job_id.partition('/')[2])}.csv").exists()
