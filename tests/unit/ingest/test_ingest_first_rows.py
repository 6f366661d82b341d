"""The short way of an account's first rows, beside the long way of those that may be there already."""

from __future__ import annotations

import numpy as np
from ingest_service.seen_keys import SeenKeys
from support.ingest_running import Tenant

_TEXT = "x" * 150


def posts(account: str, ids: range, likes: int) -> str:
    return "".join(f"{account},p{number},2024-03-05,{_TEXT},{likes}\n" for number in ids)


async def test_a_key_that_comes_again_much_later_is_written_once_with_its_last_values(tenant: Tenant) -> None:
    rows = 15_000
    # More than a block of the reader lies between the two, and some have the same values twice.
    again = posts("a", range(rows // 2), 2) + posts("a", range(rows // 2, rows), 1)
    file = "cuenta,id,fecha,texto,likes\n" + posts("a", range(rows), 1) + again
    job = await tenant.run(file, kind="posts", account_column="cuenta", create_accounts=True)
    assert (job.rows_read, job.rows_written, job.rows_unchanged) == (2 * rows, rows, rows)
    kept = tenant.query("SELECT clave, likes FROM posts WHERE tenant_id = {tenant}")
    assert {row["clave"]: row["likes"] for row in kept} == {f"p{n}": 2 if n < rows // 2 else 1 for n in range(rows)}
    assert {(row["clave"], row["likes"]) for row in tenant.lake_rows("social/posts")} == {
        (row["clave"], row["likes"]) for row in kept
    }


async def test_a_file_may_have_new_accounts_beside_known_ones(tenant: Tenant) -> None:
    header = "cuenta,id,fecha,texto,likes\n"
    await tenant.run(header + posts("a", range(10), 1), kind="posts", account_column="cuenta", create_accounts=True)
    mixed = header + posts("a", range(5, 15), 2) + posts("b", range(4), 1) + posts("b", range(2), 3)
    job = await tenant.run(mixed, kind="posts", account_column="cuenta", create_accounts=True)
    assert (job.rows_read, job.rows_written, job.rows_unchanged) == (16, 14, 2)
    numbers = tenant.query("SELECT id_publicacion AS number FROM posts WHERE tenant_id = {tenant} ORDER BY 1")
    assert [row["number"] for row in numbers] == list(range(1, 20))
    assert len(tenant.lake_rows("social/posts")) == 19


def test_no_key_is_called_new_twice() -> None:
    chance = np.random.default_rng(4715)
    hashes = chance.integers(0, 2**64, 200_000, dtype=np.uint64)
    seen = SeenKeys()
    fresh = seen.are_new(np.concatenate([hashes[:100_000], hashes[:10]]))
    assert fresh[:100_000].sum() > 99_900
    assert not fresh[100_000:].any()
    assert not seen.are_new(hashes[:100_000]).any()
    assert seen.are_new(hashes[100_000:]).sum() > 99_900
