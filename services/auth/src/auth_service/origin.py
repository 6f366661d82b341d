"""Where a call came from, as the gateway says."""

from collections.abc import Mapping
from ipaddress import ip_address

from service_runtime.request import current_request

from auth_service.accounts import Origin

_LONGEST_USER_AGENT = 256


def current_origin(trusted_hops: int) -> Origin:
    """Gives the origin of the call that is being served."""
    request = current_request.get()
    if request is None:
        return Origin()
    agent = "".join(char for char in request.metadata.get("user-agent", "") if char.isprintable())
    return Origin(client_address(request.metadata, trusted_hops), agent[:_LONGEST_USER_AGENT], request.request_id)


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
