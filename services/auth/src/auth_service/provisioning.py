"""The operator's way to have tenants and people that need not register: the same input twice changes nothing."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from auth_service.accounts import Origin, Role, Tenant, User
from auth_service.audit import OK, AuditTrail
from auth_service.foreign_hashes import is_acceptable
from auth_service.names import clean_text, comparison_key, require_timezone, require_username
from auth_service.passwords import PasswordHashing
from auth_service.sessions import Sessions
from auth_service.store import Store
from auth_service.tenant_store import TenantRecords
from auth_service.tokens import AccessClaims, TokenSigner

# Who acts here, in the audit trail and as the subject of the loader's token.
OPERATOR = "operator"
_LOADER_TOKEN_LIFE = timedelta(hours=1)
_HERE = Origin(user_agent="auth_service provision")


class WantedUser(BaseModel):
    """A person as the operator wants it; a password is left alone where none is given."""

    model_config = ConfigDict(extra="forbid")

    username: str = Field(min_length=1, max_length=64)
    email: str = Field(min_length=3, max_length=254, pattern="^[^@]+@[^@]+$")
    full_name: str = Field(default="", max_length=200)
    role: Role = "viewer"
    password: SecretStr | None = Field(default=None, max_length=128)
    # Made by another system, argon2id or bcrypt, for somebody who moves in; who is there already keeps theirs.
    password_hash: SecretStr | None = None
    is_active: bool = True

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Self:
        if self.password_hash is not None:
            if self.password is not None:
                raise ValueError("there is either a password or a password_hash")
            if not is_acceptable(self.password_hash.get_secret_value()):
                raise ValueError("password_hash is neither argon2id nor bcrypt, or takes too much work")
        return self


class WantedTenant(BaseModel):
    """A tenant as the operator wants it, with its people; those who are not named stay as they are."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    timezone: Annotated[str, AfterValidator(require_timezone)] | None = None
    is_active: bool = True
    users: list[WantedUser] = []


class Wanted(BaseModel):
    """What `provision` reads."""

    model_config = ConfigDict(extra="forbid")

    tenants: list[WantedTenant]


class ProvisionedUser(BaseModel):
    """A person that is there now."""

    username: str
    id: str


class ProvisionedTenant(BaseModel):
    """A tenant that is there now, with a token of role user for who loads its data."""

    name: str
    id: str
    users: list[ProvisionedUser]
    loader_token: str


class Provisioned(BaseModel):
    """What `provision` prints."""

    tenants: list[ProvisionedTenant]


class Provisioning:
    """Makes what is wanted and not there, and changes what differs; each tenant in one transaction."""

    def __init__(
        self,
        store: Store,
        passwords: PasswordHashing,
        signer: TokenSigner,
        sessions: Sessions,
        audit: AuditTrail,
        *,
        timezone: str,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._signer = signer
        self._sessions = sessions
        self._audit = audit
        self._timezone = timezone
        self._clock = clock
        self._new_id = new_id

    async def provide(self, wanted: Wanted) -> Provisioned:
        return Provisioned(tenants=[await self._tenant(tenant) for tenant in wanted.tenants])

    async def _tenant(self, wanted: WantedTenant) -> ProvisionedTenant:
        name = clean_text("name", wanted.name)
        async with self._store.before_tenant() as lookups:
            tenant_id = await lookups.tenant_named(comparison_key(name)) or self._new_id()
        async with self._store.tenant(tenant_id) as records:
            await records.lock_tenant()
            tenant = await self._provide_tenant(records, name, wanted)
            users = [await self._provide_user(records, tenant, user) for user in wanted.users]
        return ProvisionedTenant(
            name=tenant.name,
            id=str(tenant_id),
            users=[ProvisionedUser(username=user.username, id=str(user.user_id)) for user in users],
            loader_token=self._loader_token(tenant),
        )

    async def _provide_tenant(self, records: TenantRecords, name: str, wanted: WantedTenant) -> Tenant:
        present = await records.tenant()
        if present is None:
            timezone = wanted.timezone or self._timezone
            made = Tenant(records.tenant_id, name, timezone, wanted.is_active, created_at=self._clock())
            await records.add_tenant(made)
            await self._record(records, "tenant.create", f"tenants/{made.tenant_id}")
            return made
        changed = replace(present, timezone=wanted.timezone or present.timezone, is_active=wanted.is_active)
        if changed != present:
            await records.change_tenant(changed)
            await self._record(records, "tenant.change", f"tenants/{present.tenant_id}")
        return changed

    async def _provide_user(self, records: TenantRecords, tenant: Tenant, wanted: WantedUser) -> User:
        found = await records.user_named(wanted.username)
        if found is None:
            return await self._add_user(records, tenant, wanted)
        present, password_hash = found
        changed = replace(
            present,
            email=clean_text("email", wanted.email),
            full_name=clean_text("full_name", wanted.full_name or wanted.username),
            role=wanted.role,
            is_active=wanted.is_active,
        )
        if changed != present:
            await records.change_user(changed)
            if changed.role != present.role or not changed.is_active:
                await self._sessions.change_rights(records, present.user_id)
            await self._record(records, "user.change", f"users/{present.user_id}")
        await self._set_password(records, present.user_id, password_hash, wanted.password)
        return changed

    async def _add_user(self, records: TenantRecords, tenant: Tenant, wanted: WantedUser) -> User:
        user = User(
            user_id=self._new_id(),
            tenant_id=tenant.tenant_id,
            email=clean_text("email", wanted.email),
            username=require_username(wanted.username),
            full_name=clean_text("full_name", wanted.full_name or wanted.username),
            role=wanted.role,
            is_active=wanted.is_active,
            created_at=self._clock(),
        )
        user = await records.add_user(user, await self._first_hash(wanted))
        await self._record(records, "user.create", f"users/{user.user_id}")
        return user

    async def _first_hash(self, wanted: WantedUser) -> str:
        if wanted.password_hash is not None:
            return wanted.password_hash.get_secret_value()
        # Without a password nobody can log in until one is given: nobody knows this one.
        password = wanted.password.get_secret_value() if wanted.password else secrets.token_urlsafe(32)
        async with self._passwords.place() as hashing:
            return await hashing.hash(password)

    async def _set_password(
        self, records: TenantRecords, user_id: UUID, password_hash: str, wanted: SecretStr | None
    ) -> None:
        if wanted is None:
            return
        async with self._passwords.place() as hashing:
            if await hashing.verify(password_hash, wanted.get_secret_value()):
                return
            new_hash = await hashing.hash(wanted.get_secret_value())
        await records.lock_user(user_id)
        await records.set_password(user_id, new_hash, self._clock())
        await records.drop_reset(user_id)
        await self._sessions.end_all(records, user_id)
        await self._record(records, "user.set_password", f"users/{user_id}")

    async def _record(self, records: TenantRecords, action: str, resource: str) -> None:
        await self._audit.record(records, action, OK, _HERE, actor=OPERATOR, resource=resource)

    def _loader_token(self, tenant: Tenant) -> str:
        claims = AccessClaims(
            subject=OPERATOR,
            tenant_id=tenant.tenant_id,
            role="user",
            username=OPERATOR,
            timezone=tenant.timezone,
            session_id=self._new_id(),
            token_id=self._new_id(),
            kind="program",
            unlimited=True,
        )
        return self._signer.sign(claims, self._clock(), _LOADER_TOKEN_LIFE)
