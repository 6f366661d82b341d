"""Inviting people into a tenant."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from service_runtime.errors import ResourceExhausted
from service_runtime.identity import Identity

from auth_service.accounts import DEFAULT_LANGUAGE, Invitation, Language, Origin, Role, Tenant
from auth_service.audit import OK, AuditTrail
from auth_service.mail_jobs import MailJobs
from auth_service.members import AccessChange, Member
from auth_service.names import as_uuid, clean_text, comparison_key
from auth_service.store import Store, taken
from auth_service.tenant_store import TenantRecords
from auth_service.users import no_such_person


class Invitations:
    """Invites, renews and withdraws. Nothing here depends on accounts in other tenants."""

    def __init__(
        self,
        store: Store,
        mails: MailJobs,
        audit: AuditTrail,
        *,
        life: timedelta,
        places: int,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._store = store
        self._mails = mails
        self._audit = audit
        self._life = life
        # People and open invitations that a tenant may have; 0: any number.
        self._places = places
        self._clock = clock
        self._new_id = new_id

    async def invite(self, caller: Identity, email: str, role: Role, origin: Origin) -> Member:
        """Invites an address, or renews its invitation; the mail is a job."""
        email = clean_text("email", email)
        email_key = comparison_key(email)
        now = self._clock()
        async with self._store.tenant(caller.tenant_id) as records:
            tenant = await records.lock_tenant()
            if tenant is None:
                raise no_such_person()
            if await records.has_email(email_key):
                raise taken("users_email_key")
            present = await records.invitation_to(email_key)
            if present is None or present.expires_at <= now:
                await self._refuse_over_quota(records, now)
            made = Invitation(
                invitation_id=present.invitation_id if present else self._new_id(),
                tenant_id=tenant.tenant_id,
                email=email,
                role=role,
                invited_by=caller.subject,
                created_at=present.created_at if present else now,
                expires_at=now + self._life,
            )
            await records.save_invitation(made, email_key)
            language = await self._language_of(records, caller)
            await self._mails.invitation(records, made.invitation_id, language, caller.subject)
            await self._record(records, caller, "user.invite", made, {"role": role}, origin)
        return Member(made, tenant)

    async def change(
        self,
        records: TenantRecords,
        caller: Identity,
        tenant: Tenant,
        invitation_id: UUID,
        wanted: AccessChange,
        origin: Origin,
    ) -> Member:
        """Changes an open invitation's role, or withdraws it; the tenant must be locked."""
        now = self._clock()
        present = await records.lock_invitation(invitation_id, now)
        if present is None:
            raise no_such_person()
        changed = replace(present, role=wanted.role or present.role)
        if changed != present:
            await records.change_invited_role(changed)
            await self._record(records, caller, "invitation.change", changed, {"role": changed.role}, origin)
        if wanted.is_active is False:
            await records.withdraw_invitation(invitation_id, now)
            await self._record(records, caller, "invitation.withdraw", changed, {}, origin)
        return Member(changed, tenant, is_open=wanted.is_active is not False)

    async def _refuse_over_quota(self, records: TenantRecords, now: datetime) -> None:
        if self._places and await records.people_and_invitations(now) >= self._places:
            raise ResourceExhausted(
                "QUOTA_EXCEEDED",
                f"A tenant may have {self._places} people and open invitations.",
                limit=self._places,
            )

    async def _language_of(self, records: TenantRecords, caller: Identity) -> Language:
        """Who is invited has set no language yet, so the mail is in that of who invites."""
        user_id = as_uuid(caller.subject)
        settings = await records.settings(user_id) if user_id else None
        return (settings.language if settings else None) or DEFAULT_LANGUAGE

    async def _record(
        self,
        records: TenantRecords,
        caller: Identity,
        action: str,
        invitation: Invitation,
        details: dict[str, str],
        origin: Origin,
    ) -> None:
        resource = f"users/{invitation.invitation_id}"
        await self._audit.record(records, action, OK, origin, actor=caller.subject, resource=resource, details=details)
