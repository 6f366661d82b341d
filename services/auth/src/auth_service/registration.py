"""Registering: a person makes a tenant and is its admin."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from service_runtime.errors import AlreadyExists

from auth_service.accounts import Bearer, Origin, Tenant, User
from auth_service.attempts import AttemptLimits
from auth_service.audit import FAILED, OK, AuditTrail
from auth_service.common_passwords import refuse_guessable
from auth_service.lookup_store import Lookups
from auth_service.names import clean_text, comparison_key, username_from_email
from auth_service.passwords import PasswordHashing
from auth_service.sessions import IssuedTokens, Sessions
from auth_service.store import Store, taken


@dataclass(frozen=True)
class Registered:
    """The person who was made, the tenant, and the first tokens."""

    user: User
    tenant: Tenant
    tokens: IssuedTokens


@dataclass(frozen=True)
class NewPerson:
    """What a person gives to register."""

    email: str
    password: str = field(repr=False)
    full_name: str
    # The full name, where none is given.
    tenant_name: str | None
    # Lets the person into the tenant that invites, in the place of a new one.
    invitation_token: str | None = field(default=None, repr=False)


class Registration:
    """Registers people; how many from one source is limited, as the answer tells which addresses are taken."""

    def __init__(
        self,
        store: Store,
        passwords: PasswordHashing,
        sessions: Sessions,
        limits: AttemptLimits,
        audit: AuditTrail,
        *,
        timezone: str,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._sessions = sessions
        self._limits = limits
        self._audit = audit
        self._timezone = timezone
        self._clock = clock
        self._new_id = new_id

    async def register(self, person: NewPerson, origin: Origin) -> Registered:
        user, tenant = self._drafts(person)
        refuse_guessable(person.password, personal=[user.email, user.username, user.full_name, tenant.name])
        async with self._passwords.place() as hashing:
            await self._refuse_taken(user, tenant, origin)
            password_hash = await hashing.hash(person.password)
        try:
            return await self._create(user, tenant, password_hash, origin)
        except AlreadyExists as error:
            # Somebody else was quicker between the look-up and now.
            async with self._store.before_tenant() as lookups:
                await self._record_refusal(lookups, error, origin)
            raise

    def _drafts(self, person: NewPerson) -> tuple[User, Tenant]:
        now = self._clock()
        full_name = clean_text("full_name", person.full_name)
        tenant_name = full_name if person.tenant_name is None else clean_text("tenant_name", person.tenant_name)
        email = clean_text("email", person.email)
        tenant = Tenant(self._new_id(), tenant_name, self._timezone, is_active=True, created_at=now)
        user = User(
            user_id=self._new_id(),
            tenant_id=tenant.tenant_id,
            email=email,
            username=username_from_email(email),
            full_name=full_name,
            role="admin",
            is_active=True,
            created_at=now,
        )
        return user, tenant

    async def _refuse_taken(self, user: User, tenant: Tenant, origin: Origin) -> None:
        """Counts the attempt, and refuses what is taken before anything is hashed."""
        refusal = None
        async with self._store.before_tenant() as lookups:
            keys = self._limits.of_registration(origin.source)
            now = self._clock()
            await lookups.count_attempt(keys, now)
            if await lookups.email_is_taken(comparison_key(user.email)):
                refusal = taken("users_email_key")
            elif await lookups.tenant_named(comparison_key(tenant.name)) is not None:
                refusal = taken("tenants_name_key")
            if refusal is not None:
                await self._record_refusal(lookups, refusal, origin)
        if refusal is not None:
            raise refusal

    async def _record_refusal(self, lookups: Lookups, refusal: AlreadyExists, origin: Origin) -> None:
        await self._audit.record(lookups, "user.register", FAILED, origin, details={"reason": refusal.reason})

    async def _create(self, user: User, tenant: Tenant, password_hash: str, origin: Origin) -> Registered:
        bearer = Bearer(user.user_id, tenant.tenant_id, user.role, user.username, tenant.timezone, 0)
        actor = str(user.user_id)
        async with self._store.tenant(tenant.tenant_id) as records:
            await records.add_tenant(tenant)
            user = await records.add_user(user, password_hash)
            event = self._audit.event("user.register", OK, origin, actor=actor, resource=f"users/{actor}")
            tokens = await self._sessions.begin(records, bearer, event)
        return Registered(user, tenant, tokens)
