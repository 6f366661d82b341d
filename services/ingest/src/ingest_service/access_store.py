"""Who may see which account, in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from service_runtime.database import Session
from sqlalchemy import text

_GET = text("SELECT roles, users FROM account_access WHERE id_usuario = :id_usuario")
_SET = text(
    "INSERT INTO account_access (tenant_id, id_usuario, roles, users) "
    "VALUES (:tenant_id, :id_usuario, CAST(:roles AS text[]), CAST(:users AS uuid[])) "
    "ON CONFLICT (tenant_id, id_usuario) DO UPDATE SET roles = excluded.roles, users = excluded.users"
)
_OPEN = text("DELETE FROM account_access WHERE id_usuario = :id_usuario")


@dataclass(frozen=True)
class Access:
    """Roles and people that may see an account; everybody of the tenant where both are empty."""

    roles: Sequence[str] = ()
    users: Sequence[UUID] = ()

    @property
    def is_open(self) -> bool:
        return not self.roles and not self.users


class AccessStore:
    """Access to accounts of the session's tenant."""

    async def get(self, session: Session, id_usuario: int) -> Access:
        row = (await session.execute(_GET, {"id_usuario": id_usuario})).one_or_none()
        return Access(row[0], row[1]) if row is not None else Access()

    async def set(self, session: Session, tenant_id: UUID, id_usuario: int, access: Access) -> None:
        """Replaces who may see the account; an open one has no row."""
        if access.is_open:
            await session.execute(_OPEN, {"id_usuario": id_usuario})
            return
        values = {
            "tenant_id": tenant_id,
            "id_usuario": id_usuario,
            "roles": list(access.roles),
            "users": list(access.users),
        }
        await session.execute(_SET, values)
