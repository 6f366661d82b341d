"""What the server needs to know of an rpc, as the contracts package tells it."""

from typing import Protocol


class Binding(Protocol):
    """One REST route of an rpc; `body` is empty, `*`, or the field that takes the body."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def path_fields(self) -> frozenset[str]: ...
    @property
    def body(self) -> str: ...


class Policy(Protocol):
    """Who may call an rpc and how it looks over REST; one that is for nobody (no role, not public) is closed."""

    @property
    def least_role(self) -> str: ...
    @property
    def public(self) -> bool: ...
    @property
    def service_only(self) -> bool: ...
    @property
    def success_status(self) -> int: ...
    @property
    def bindings(self) -> "tuple[Binding, ...]": ...
