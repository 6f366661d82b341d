"""Reads comments out of PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service_runtime.database import Session
from sqlalchemy import text

from ingest_service.record_keys import LONGEST_KEY

# The post's key, as `record_keys.reference_key` makes it.
_POST_KEY = (
    f"CASE WHEN length(comments.post) > {LONGEST_KEY} "
    "THEN '~~' || left(encode(sha256(convert_to(comments.post, 'UTF8')), 'hex'), 32) ELSE comments.post END"
)
_PAGE = (
    "SELECT id_comentario, id_publicacion, post, autor, texto, fecha, comments.likes, responde_a, "  # noqa: S608
    "comments.id_externo FROM comments LEFT JOIN posts ON posts.tenant_id = comments.tenant_id "
    f"AND posts.id_usuario = comments.id_usuario AND posts.clave = {_POST_KEY} "
    "WHERE comments.id_usuario = :id_usuario{conditions} ORDER BY fecha DESC, id_comentario DESC LIMIT :limit"
)

_ID_OF_POST = text(
    "SELECT id_externo FROM posts WHERE id_usuario = :id_usuario AND id_publicacion = :number AND id_externo <> ''"
)


@dataclass(frozen=True)
class Comment:
    """What somebody wrote under a post; `id_publicacion` where the tenant has the post."""

    id_comentario: int
    id_publicacion: int | None
    post: str
    autor: str
    texto: str
    fecha: datetime
    likes: int
    responde_a: str
    id_externo: str


@dataclass(frozen=True)
class CommentFilter:
    """Which comments: of a post by its id at its source or by its number, from a time, before a time."""

    post: str = ""
    since: datetime | None = None
    before: datetime | None = None


class CommentStore:
    """Comments of the session's tenant."""

    async def page(
        self,
        session: Session,
        id_usuario: int,
        wanted: CommentFilter,
        behind: tuple[datetime, int] | None,
        limit: int,
    ) -> Sequence[Comment]:
        """Gives an account's comments behind a place in the list, the newest first."""
        conditions, posts = [], [wanted.post]
        if wanted.post:
            posts += await self._named_by_number(session, id_usuario, wanted.post)
            conditions.append("comments.post = ANY(CAST(:posts AS text[]))")
        if wanted.since is not None:
            conditions.append("fecha >= :since")
        if wanted.before is not None:
            conditions.append("fecha < :before")
        if behind is not None:
            conditions.append("(fecha, id_comentario) < (:fecha, :id_comentario)")
        values = {
            "id_usuario": id_usuario,
            "posts": posts,
            "since": wanted.since,
            "before": wanted.before,
            "fecha": behind[0] if behind else None,
            "id_comentario": behind[1] if behind else None,
            "limit": limit,
        }
        statement = text(_PAGE.format(conditions="".join(f" AND {condition}" for condition in conditions)))
        return [Comment(**row) for row in (await session.execute(statement, values)).mappings()]

    async def _named_by_number(self, session: Session, id_usuario: int, post: str) -> list[str]:
        """Gives the id at its source of the post that has this number."""
        number = _number(post)
        if number is None:
            return []
        return list((await session.execute(_ID_OF_POST, {"id_usuario": id_usuario, "number": number})).scalars())


def _number(post: str) -> int | None:
    """Gives the number that a text is, where it may be a post's."""
    if not (post.isascii() and post.isdigit() and len(post) <= 10):
        return None
    return int(post) if 0 < int(post) < 2**31 else None
