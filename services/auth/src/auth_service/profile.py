"""What people change about themselves: names and settings."""

from dataclasses import replace

from service_runtime.errors import InvalidArgument
from service_runtime.identity import Identity

from auth_service.accounts import DEFAULT_LANGUAGE, Language, Origin, UserSettings
from auth_service.audit import OK, AuditTrail
from auth_service.names import clean_text, require_timezone, require_username
from auth_service.store import Store
from auth_service.users import Profile, Users, no_such_person


class OwnProfile:
    """The caller's own names and settings. Role, tenant and activity are not theirs to set."""

    def __init__(self, store: Store, users: Users, audit: AuditTrail) -> None:
        self._store = store
        self._users = users
        self._audit = audit

    async def rename(self, caller: Identity, *, full_name: str | None, username: str | None, origin: Origin) -> Profile:
        """Changes the names that are given."""
        profile = await self._users.me(caller)
        async with self._store.tenant(caller.tenant_id) as records:
            # Held, for another call may be changing the name that this one leaves alone.
            present = await records.lock_user(profile.user.user_id)
            if present is None:
                raise no_such_person()
            changed = replace(
                present,
                full_name=present.full_name if full_name is None else clean_text("full_name", full_name),
                username=present.username if username is None else require_username(username),
            )
            if changed != present:
                await records.change_names(changed)
                resource = f"users/{changed.user_id}"
                await self._audit.record(records, "user.change", OK, origin, actor=caller.subject, resource=resource)
        return Profile(replace(changed, last_login_at=profile.user.last_login_at), profile.tenant)

    async def settings(self, caller: Identity) -> UserSettings:
        """Gives the settings as they work: with the defaults of what was never set."""
        profile = await self._users.me(caller)
        async with self._store.tenant(caller.tenant_id) as records:
            return _with_defaults(await records.settings(profile.user.user_id), profile)

    async def change_settings(
        self,
        caller: Identity,
        *,
        language: Language | None,
        timezone: str | None,
        email_notifications: bool | None,
        origin: Origin,
    ) -> UserSettings:
        """Changes the settings that are given."""
        if timezone is not None:
            _refuse_unknown_timezone(timezone)
        profile = await self._users.me(caller)
        user_id = profile.user.user_id
        async with self._store.tenant(caller.tenant_id) as records:
            await records.lock_user(user_id)
            present = await records.settings(user_id)
            if present is None:
                raise no_such_person()
            changed = UserSettings(
                language=language or present.language,
                timezone=timezone or present.timezone,
                email_notifications=present.email_notifications if email_notifications is None else email_notifications,
            )
            if changed != present:
                await records.change_settings(user_id, changed)
                resource = f"users/{user_id}/settings"
                await self._audit.record(records, "user.change", OK, origin, actor=caller.subject, resource=resource)
        return _with_defaults(changed, profile)


def _refuse_unknown_timezone(name: str) -> None:
    try:
        require_timezone(name)
    except ValueError as error:
        raise InvalidArgument("BAD_TIMEZONE", f"The time zone {error}.") from error


def _with_defaults(found: UserSettings | None, profile: Profile) -> UserSettings:
    if found is None:
        raise no_such_person()
    return replace(
        found, language=found.language or DEFAULT_LANGUAGE, timezone=found.timezone or profile.tenant.timezone
    )
