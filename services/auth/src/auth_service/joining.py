"""Registering by an invitation: a person joins the tenant that invites, with the role that it gives."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service_runtime.errors import AlreadyExists, InvalidArgument, ServiceError

from auth_service.accounts import Bearer, Invitation, Origin, Tenant, User
from auth_service.attempts import AttemptLimits
from auth_service.audit import FAILED, OK, AuditTrail
from auth_service.common_passwords import refuse_guessable
from auth_service.mail_tokens import mail_token_hash
from auth_service.names import clean_text, comparison_key, username_from_email
from auth_service.passwords import PasswordHashing
from auth_service.registration import NewPerson, Registered
from auth_service.sessions import Sessions
from auth_service.store import Store, taken
from auth_service.tenant_store import TenantRecords


@dataclass(frozen=True)
class _Guest:
    """Somebody with the token of an invitation."""

    email: str
    full_name: str
    token_hash: bytes


class Joining:
    """Lets people in by the tokens of invitations; each lets one person in, whoever comes first."""

    def __init__(
        self,
        store: Store,
        passwords: PasswordHashing,
        sessions: Sessions,
        limits: AttemptLimits,
        audit: AuditTrail,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._sessions = sessions
        self._limits = limits
        self._audit = audit
        self._clock = clock

    async def join(self, person: NewPerson, token: str, origin: Origin) -> Registered:
        guest = _Guest(
            clean_text("email", person.email), clean_text("full_name", person.full_name), mail_token_hash(token)
        )
        try:
            async with self._passwords.place() as hashing:
                tenant_id = await self._find_tenant(guest, origin)
                async with self._store.tenant(tenant_id) as records:
                    _, tenant = await self._hold(records, guest)
                username = username_from_email(guest.email)
                refuse_guessable(person.password, personal=[guest.email, username, guest.full_name, tenant.name])
                password_hash = await hashing.hash(person.password)
            return await self._create(tenant_id, guest, password_hash, origin)
        except (InvalidArgument, AlreadyExists) as error:
            await self._record_refusal(error, origin)
            raise

    async def _find_tenant(self, guest: _Guest, origin: Origin) -> UUID:
        """Counts the attempt as a registration, and finds out whom the token is from."""
        keys, now = self._limits.of_registration(origin.source), self._clock()
        async with self._store.before_tenant() as lookups:
            await lookups.count_attempt(keys, now)
            tenant_id = await lookups.tenant_of_invitation(guest.token_hash)
            is_taken = await lookups.email_is_taken(comparison_key(guest.email))
        if tenant_id is None:
            raise _bad_invitation()
        if is_taken:
            raise taken("users_email_key")
        return tenant_id

    async def _hold(self, records: TenantRecords, guest: _Guest) -> tuple[Invitation, Tenant]:
        """Gives the invitation and the tenant, and holds both until the transaction ends."""
        tenant = await records.lock_tenant()
        invitation = await records.lock_invitation_by_token(guest.token_hash, self._clock())
        if tenant is None or invitation is None or not tenant.is_active:
            raise _bad_invitation()
        if comparison_key(invitation.email) != comparison_key(guest.email):
            raise _bad_invitation()
        return invitation, tenant

    async def _create(self, tenant_id: UUID, guest: _Guest, password_hash: str, origin: Origin) -> Registered:
        now = self._clock()
        async with self._store.tenant(tenant_id) as records:
            invitation, tenant = await self._hold(records, guest)
            await records.accept_invitation(invitation.invitation_id, now)
            draft = User(
                user_id=invitation.invitation_id,
                tenant_id=tenant_id,
                email=guest.email,
                username=await records.free_username(username_from_email(guest.email)),
                full_name=guest.full_name,
                role=invitation.role,
                is_active=True,
                created_at=now,
            )
            user = await records.add_user(draft, password_hash)
            bearer = Bearer(user.user_id, tenant_id, user.role, user.username, tenant.timezone, 0)
            actor = str(user.user_id)
            event = self._audit.event("user.register", OK, origin, actor=actor, resource=f"users/{actor}")
            tokens = await self._sessions.begin(records, bearer, event)
        return Registered(user, tenant, tokens)

    async def _record_refusal(self, refusal: ServiceError, origin: Origin) -> None:
        async with self._store.before_tenant() as lookups:
            await self._audit.record(lookups, "user.register", FAILED, origin, details={"reason": refusal.reason})


def _bad_invitation() -> InvalidArgument:
    return InvalidArgument("BAD_INVITATION", "The invitation is not valid for this address; ask for another one.")
