"""Single posts and metrics: written, changed and deleted by callers, and the same as an import would have made them."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest
from atalaya.ingest.v1 import records_pb2
from hypothesis import given
from hypothesis import strategies as st
from ingest_service.conversion.typed_rows import _HASHTAGS, _MENTIONS
from ingest_service.post_text import found_hashtags, found_mentions
from support.ingest_records import WHEN, create, delete, get, new_post, new_values, stamp, update
from support.ingest_running import Tenant
from support.running import refusal

NAUGHTY = [
    *("", " ", "\t\n\r\v\f", "undefined", "NULL", "null", "None", "true", "NaN", "-Infinity", "0", "-1", "1e309"),
    *("0x0", "1.000,50", "١٢٣", "²³¼", "&lt;b&gt;", "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'),
    *("'; DROP TABLE posts; --", "' OR '1'='1", "${jndi:ldap://x/a}", "{{7*7}}", "%s%n%x", "../../etc/passwd"),
    *("C:\\con\\nul", "=1+1", "+1", "-1", "@SUM(A1)", "a,b;c\td|e", '"', '""', "'", "\\", "\\N", "\\.", "\\x00"),
    *(
        "línea\nlínea\r\notra",
        "ñandú ÁÉÍ",
        "e\u0301 é",
        "Ω≈ç√∫˜µ",
        "田中さん",
        "社會科學院語學研究所",
        "한국어",
        "שלום",
        "مرحبا",
    ),
    *(
        "\u202ereversed\u202c",
        "\u2066\u2067\u2069",
        "zero\u200bwidth\u200d",
        "\ufeffBOM",
        "\u2028\u2029",
        "\x01\x1b[31m\x7f",
    ),
    *(
        "\x80\x9f",
        "\ufffe\uffff\ufffd",
        "😀👩‍👩‍👧‍👦🇵🇪",
        "\U0010ffff",
        "Z͑ͫ̓a̴l̵g̸o",
        "аdmin",
        "ﬁ ﬀ Ⅷ",
        "İıſß",
        "#a#b##c #",
        "@a@b @@c",
    ),
    *("x" * 10_000, "🎉" * 5_000),
]


async def test_a_post_is_read_back_as_it_was_written(tenant: Tenant) -> None:
    account = await tenant.add_account()
    written = await create(
        tenant,
        "¡Hola #Lima! @ana",
        likes=3,
        comentarios=2,
        compartidos=1,
        tipo_contenido="photo",
        impresiones=0,
        alcance=9,
        plataforma="x",
        idioma="es",
        id_externo="p1",
    )
    assert (written.id_publicacion, written.id, written.id_usuario) == (1, 1, account.id_usuario)
    assert (written.hashtags, written.menciones, written.likes) == ("#Lima", 1, 3)
    assert written.fecha_publicacion.ToDatetime(UTC) == WHEN
    assert (written.HasField("impresiones"), written.HasField("guardados")) == (True, False)
    assert await get(tenant, 1) == written
    assert await tenant.posts() == [written]


async def test_hashtags_and_mentions_that_are_given_stay_as_they_are(tenant: Tenant) -> None:
    await tenant.add_account()
    given = await create(tenant, "a #b @c", hashtags="", menciones=0)
    assert (given.hashtags, given.menciones) == ("", 0)


async def test_a_row_is_as_an_import_would_have_written_it(tenant: Tenant, new_tenant: Callable[[], Tenant]) -> None:
    imported = new_tenant()
    for each in (tenant, imported):
        await each.add_account()
    file = "fecha,texto,likes,id\n2024-05-06T07:08:09.123456Z,Él #uno @dos a@b.c,5,\n2024-05-06T07:08:09Z,b,6,x9\n"
    await imported.run(file, kind="posts", account="banco")
    await create(tenant, "Él #uno @dos a@b.c", likes=5)
    await create(tenant, "b", WHEN.replace(microsecond=0), likes=6, id_externo="x9")
    query = "SELECT {tenant} <> '' AS x, p.* FROM posts p WHERE tenant_id = {tenant} ORDER BY id_publicacion"
    both = [[{**row, "tenant_id": ""} for row in each.query(query)] for each in (tenant, imported)]
    assert both[0] == both[1]


async def test_an_import_of_the_same_post_updates_it(tenant: Tenant) -> None:
    await tenant.add_account()
    await create(tenant, "sin id", likes=1)
    await create(tenant, "con id", likes=1, id_externo="p1")
    long_id = "https://example.com/" + "ñ" * 1500
    await create(tenant, "id largo", likes=1, id_externo=long_id)
    file = (
        f"fecha,texto,likes,id\n{WHEN.isoformat()},sin id,7,\n{WHEN.isoformat()},otra cosa,8,p1\n"
        f"{WHEN.isoformat()},id largo,9,{long_id}\n"
    )
    job = await tenant.run(file, kind="posts", account="banco")
    assert (job.rows_written, job.rows_unchanged, job.rows_rejected) == (3, 0, 0)
    posts = [(post.id_publicacion, post.contenido, post.likes) for post in await tenant.posts()]
    assert posts == [(1, "sin id", 7), (2, "otra cosa", 8), (3, "id largo", 9)]


@pytest.mark.parametrize("same", [{}, {"id_externo": "p1"}])
async def test_of_two_creates_at_once_one_is_made_and_one_conflicts(tenant: Tenant, same: dict[str, Any]) -> None:
    await tenant.add_account()
    told = await asyncio.gather(*(create(tenant, **same) for _ in range(2)), return_exceptions=True)
    made = [post for post in told if isinstance(post, records_pb2.Publicacion)]
    [conflict] = [error for error in told if isinstance(error, BaseException)]
    error = await refusal(_raised(conflict))
    assert (len(made), error.reason, error.http_status) == (1, "PUBLICACION_EXISTS", 409)
    assert error.metadata["id_publicacion"] == str(made[0].id)
    assert len(await tenant.posts()) == 1
    # Nothing of the refused one stays, not even its number.
    assert (await create(tenant, "other")).id == 2


async def _raised(error: BaseException) -> None:
    raise error


async def test_an_update_replaces_every_value_and_keeps_the_number(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await create(tenant, "uno", likes=5, alcance=7, tipo_contenido="photo", id_externo="p1")
    changed = await update(tenant, first.id, "dos #x", WHEN + timedelta(days=40), likes=6)
    assert (changed.id, changed.contenido, changed.hashtags, changed.likes) == (first.id, "dos #x", "#x", 6)
    assert (changed.tipo_contenido, changed.id_externo, changed.HasField("alcance")) == ("", "", False)
    assert await get(tenant, first.id) == changed
    # The key has changed with the values: the old id is free, the new time and text are taken.
    assert (await create(tenant, "uno", id_externo="p1")).id == 2
    error = await refusal(create(tenant, "dos #x", WHEN + timedelta(days=40)))
    assert error.reason == "PUBLICACION_EXISTS"
    error = await refusal(update(tenant, 2, "dos #x", WHEN + timedelta(days=40)))
    assert (error.reason, error.metadata["id_publicacion"]) == ("PUBLICACION_EXISTS", "1")


async def test_a_post_is_sent_back_changed_as_it_was_given(tenant: Tenant) -> None:
    account = await tenant.add_account()
    post = await create(tenant)
    numbers = {"id": post.id, "id_usuario": account.id_usuario}
    assert (await update(tenant, post.id_publicacion, "Adiós", **numbers)).contenido == "Adiós"
    for name in numbers:
        error = await refusal(update(tenant, post.id_publicacion, "Hola", **{**numbers, name: 7}))
        assert (error.reason, error.http_status, error.metadata["field"]) == ("NUMBER_FIXED", 400, name)
    assert (await get(tenant, post.id_publicacion)).contenido == "Adiós"


async def test_a_deleted_post_is_gone_and_its_number_is_not_given_again(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await create(tenant)
    await delete(tenant, first.id)
    for call in (get(tenant, first.id), delete(tenant, first.id), update(tenant, first.id)):
        error = await refusal(call)
        assert (error.reason, error.http_status) == ("PUBLICACION_NOT_FOUND", 404)
    assert await tenant.posts() == []
    assert (await create(tenant)).id == 2


async def test_a_post_is_found_under_its_own_account_alone(tenant: Tenant, new_tenant: Callable[[], Tenant]) -> None:
    for name in ("banco", "caja"):
        await tenant.add_account(name)
    post, other = await create(tenant), new_tenant()
    await other.add_account()
    for call in (get(tenant, post.id, "caja"), get(other, post.id), delete(other, post.id)):
        assert (await refusal(call)).reason == "PUBLICACION_NOT_FOUND"
    assert (await refusal(update(tenant, post.id, usuario="caja"))).reason == "PUBLICACION_NOT_FOUND"
    assert await get(tenant, post.id) == post


async def test_hidden_and_missing_accounts_are_forbidden_in_every_call(tenant: Tenant) -> None:
    for name in ("banco", "hidden"):
        await tenant.add_account(name)
    post = await create(tenant, usuario="hidden")
    await tenant.set_access("hidden", ["admin"])
    told = []
    for name in ("hidden", "nobody", "nul\0"):
        for call in (
            create(tenant, "x", usuario=name),
            update(tenant, post.id, usuario=name),
            delete(tenant, post.id, name),
            get(tenant, post.id, name),
            tenant.records.CreateMetrica(records_pb2.CreateMetricaRequest(usuario=name), metadata=tenant.bearer()),
        ):
            error = await refusal(call)
            told.append((error.reason, error.http_status, error.message))
    assert set(told) == {("ACCOUNT_FORBIDDEN", 403, "Your company has no such account.")}
    # The control: who sees it may do all of it.
    admin = tenant.bearer("admin")
    await tenant.records.UpdatePublicacion(new_values(post.id, "y", usuario="hidden"), metadata=admin)


async def test_texts_of_every_kind_are_stored_and_read_back_equal(tenant: Tenant) -> None:
    await tenant.add_account()
    for number, text in enumerate(NAUGHTY):
        short = text[:40]
        post = await create(
            tenant,
            text,
            WHEN + timedelta(seconds=number),
            tipo_contenido=short,
            hashtags=text[:5000],
            plataforma=short,
            idioma=short,
            id_externo=f"{number}{text[:1000]}",
        )
        assert (post.contenido, post.hashtags) == (text, text[:5000])
        assert (post.tipo_contenido, post.plataforma, post.idioma) == (short, short, short)
    assert len(NAUGHTY) >= 60
    assert [post.contenido for post in await tenant.posts()] == NAUGHTY
    assert [post["contenido"] for post in await tenant.posts_json()] == NAUGHTY[:100]


@pytest.mark.parametrize("field", ["contenido", "tipo_contenido", "hashtags", "plataforma", "idioma", "id_externo"])
async def test_a_nul_character_is_refused_by_the_fields_name(tenant: Tenant, field: str) -> None:
    await tenant.add_account()
    request = new_post()
    setattr(request, field, "a\0b")
    error = await refusal(tenant.records.CreatePublicacion(request, metadata=tenant.bearer()))
    assert (error.reason, error.http_status, error.metadata["field"]) == ("INVALID_TEXT", 400, field)


@pytest.mark.parametrize("year", [1899, 2200, 9999])
async def test_a_time_that_imports_refuse_is_refused(tenant: Tenant, year: int) -> None:
    await tenant.add_account()
    error = await refusal(create(tenant, "x", datetime(year, 1, 1, 12, tzinfo=UTC)))
    assert (error.reason, error.http_status) == ("TIME_OUT_OF_RANGE", 400)


@pytest.mark.parametrize(
    ("field", "value"), [("contenido", "x" * 100_001), ("likes", -1), ("idioma", "x" * 201), ("id_externo", "x" * 2049)]
)
async def test_limits_of_the_contract_are_kept(tenant: Tenant, field: str, value: object) -> None:
    await tenant.add_account()
    request = new_post()
    setattr(request, field, value)
    error = await refusal(tenant.records.CreatePublicacion(request, metadata=tenant.bearer()))
    assert error.http_status == 422


async def test_a_rate_that_imports_refuse_is_refused(tenant: Tenant) -> None:
    await tenant.add_account()
    request = records_pb2.CreateMetricaRequest(usuario="banco", seguidores=10, engagement_rate=1e10, hora=stamp(WHEN))
    error = await refusal(tenant.records.CreateMetrica(request, metadata=tenant.bearer()))
    assert error.http_status == 422


async def test_posts_come_in_the_order_that_is_asked_for_and_equal_ones_by_id(tenant: Tenant) -> None:
    await tenant.add_account()
    for number, likes in enumerate([5, 9, 5, 1]):
        await create(tenant, f"t{number}", WHEN - timedelta(days=number), likes=likes, comentarios=-likes + 9)
    found = {}
    for order in ("", "fecha", "-fecha", "likes", "-likes", "comentarios", "-compartidos"):
        request = records_pb2.ListPublicacionesRequest(usuario="banco", orden=order)
        page = await tenant.records.ListPublicaciones(request, metadata=tenant.bearer("viewer"))
        found[order] = [post.id for post in page.publicaciones]
    assert found == {
        "": [4, 3, 2, 1],
        "fecha": [4, 3, 2, 1],
        "-fecha": [1, 2, 3, 4],
        "likes": [4, 1, 3, 2],
        "-likes": [2, 1, 3, 4],
        "comentarios": [2, 1, 3, 4],
        "-compartidos": [1, 2, 3, 4],
    }


async def test_a_reading_is_added_once_for_each_time(tenant: Tenant) -> None:
    await tenant.add_account()
    request = records_pb2.CreateMetricaRequest(usuario="banco", seguidores=10, engagement_rate=3.5, hora=stamp(WHEN))
    first = await tenant.records.CreateMetrica(request, metadata=tenant.bearer())
    assert (first.id_metrica, first.seguidores, first.engagement, first.HasField("siguiendo")) == (1, 10, 3.5, False)
    error = await refusal(tenant.records.CreateMetrica(request, metadata=tenant.bearer()))
    assert (error.reason, error.http_status, error.metadata["id_metrica"]) == ("METRICA_EXISTS", 409, "1")
    before = datetime.now(UTC)
    request = records_pb2.CreateMetricaRequest(usuario="banco", seguidores=11)
    now = await tenant.records.CreateMetrica(request, metadata=tenant.bearer())
    assert abs(now.hora.ToDatetime(UTC) - before) < timedelta(minutes=1)


async def test_the_newest_reading_of_every_account_in_sight_comes_by_name(tenant: Tenant) -> None:
    for name in ("caja", "Banco", "empty", "hidden"):
        await tenant.add_account(name)
    readings = [("caja", 1, 5), ("caja", 0, 7), ("Banco", 0, 9), ("hidden", 0, 1)]
    for name, days, followers in readings:
        request = records_pb2.CreateMetricaRequest(
            usuario=name, seguidores=followers, hora=stamp(WHEN - timedelta(days=days))
        )
        await tenant.records.CreateMetrica(request, metadata=tenant.bearer())
    await tenant.set_access("hidden", ["admin"])
    listed = await tenant.records.ListMetricasDeEmpresa(
        records_pb2.ListMetricasDeEmpresaRequest(), metadata=tenant.bearer("viewer")
    )
    assert [(each.cuenta, each.plataforma, each.seguidores) for each in listed.metricas] == [
        ("Banco", "csv", 9),
        ("caja", "csv", 7),
    ]
    body = await tenant.records.ExportMetricasDeEmpresaJson(
        records_pb2.ExportMetricasDeEmpresaJsonRequest(), metadata=tenant.bearer("admin")
    )
    rows = json.loads(body.data)
    assert [row["cuenta"] for row in rows] == ["Banco", "caja", "hidden"]
    assert rows[1] == {
        "cuenta": "caja",
        "id_usuario": 1,
        "seguidores": 7,
        "hora": "2024-05-06T07:08:09.123456Z",
        "plataforma": "csv",
    }


async def test_each_change_is_told_to_the_trail_and_a_refused_one_is_not(tenant: Tenant) -> None:
    await tenant.add_account()
    post = await create(tenant)
    await update(tenant, post.id, likes=4)
    # The same values again change nothing.
    await update(tenant, post.id, likes=4)
    await refusal(create(tenant, likes=9))
    await delete(tenant, post.id)
    request = records_pb2.CreateMetricaRequest(usuario="banco", hora=stamp(WHEN))
    await tenant.records.CreateMetrica(request, metadata=tenant.bearer())
    told = tenant.query(
        "SELECT args->'event'->>'action' AS action, args->'event'->>'resource' AS resource FROM procrastinate_jobs "
        "WHERE args->>'tenant_id' = {tenant} AND task_name = 'deliver_audit' ORDER BY id"
    )
    assert [(each["action"], each["resource"]) for each in told[1:]] == [
        ("ingest.create_publicacion", "publicaciones/1"),
        ("ingest.update_publicacion", "publicaciones/1"),
        ("ingest.delete_publicacion", "publicaciones/1"),
        ("ingest.create_metrica", "metricas/1"),
    ]


CONNECTION = duckdb.connect()
PIECES = st.lists(
    st.one_of(
        st.sampled_from(["#", "@", " ", "_", "a", "é", "e\u0301", "日", "９", "-", "\n", "Ⅷ"]),
        st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs", "Cn"]),
    ),
    max_size=30,
).map("".join)


@given(st.lists(PIECES, min_size=1, max_size=20))
def test_hashtags_and_mentions_are_found_as_imports_find_them(texts: list[str]) -> None:
    texts = [text.replace("\0", "") for text in texts]
    rows = CONNECTION.execute(
        f"SELECT {_HASHTAGS}, {_MENTIONS} FROM (SELECT unnest(?::VARCHAR[]) AS contenido)",  # noqa: S608
        [texts],
    ).fetchall()
    assert [(found_hashtags(text), found_mentions(text)) for text in texts] == rows
