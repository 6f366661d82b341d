"""Where a call came from, as the gateway says; services that call on pass it along."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from service_runtime.request import Request, current_request

# gRPC puts its own name into user-agent, so a service that calls on names the program that called it here.
FORWARDED_AGENT = "x-forwarded-user-agent"
_LONGEST_USER_AGENT = 256


@dataclass(frozen=True)
class Origin:
    """Where a call came from: `source` is an IP address, or empty for calls that did not pass the gateway."""

    source: str = ""
    user_agent: str = ""
    request_id: str = ""


def current_origin() -> Origin:
    """Gives the origin of the call that is being served."""
    request = current_request.get()
    if request is None:
        return Origin()
    agent = "".join(char for char in _user_agent(request) if char.isprintable())
    source = client_address(request.metadata, request.trusted_hops)
    return Origin(source, agent[:_LONGEST_USER_AGENT], request.request_id)


def client_address(metadata: Mapping[str, str], trusted_hops: int) -> str:
    """Gives the address of the client, or nothing for a call that did not come through the gateway.

    Envoy appends the address it was called from to x-forwarded-for, and trusted proxies before it did the same. What
    stands further left is the client's own word, and x-envoy-external-address is too where Envoy thinks it internal.
    """
    hops = [hop.strip() for hop in metadata.get("x-forwarded-for", "").split(",")]
    if len(hops) <= trusted_hops:
        return ""
    try:
        return str(ip_address(hops[-1 - trusted_hops]))
    except ValueError:
        return ""


def forwarded_metadata(request: Request) -> dict[str, str]:
    """Gives what a call made within a request carries on of its origin, as the gateway handed it over."""
    carried = {"x-forwarded-for": request.metadata.get("x-forwarded-for", ""), FORWARDED_AGENT: _user_agent(request)}
    return {key: value for key, value in carried.items() if value}


def _user_agent(request: Request) -> str:
    return request.metadata.get(FORWARDED_AGENT) or request.metadata.get("user-agent", "")
