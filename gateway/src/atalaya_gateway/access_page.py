"""Writes the page of who may call what, from the contracts, to stdout; `make protos` puts it into docs/access.md."""

import sys
from collections import defaultdict

from atalaya.policies import RpcPolicy, rpc_policies

ROLES = ("viewer", "user", "admin")
HEAD = """# Who may call what

Made from the contracts by `make protos`; nobody edits it. `tests/proofs` holds the running suite to it, by REST, by
gRPC through the gateway and straight to each service ([proofs](proofs.md)).

*Nobody* sends no token. People and API keys have one of three roles, each with every right of those before it.
*Services* are those of the suite, with a token for the service that they call and one tenant; it opens nothing else.
What is *inside* cannot be reached through the gateway. An rpc that says nothing of access is open to nobody.
"""
TABLE = """
| rpc | REST | nobody | viewer | user | admin | services |
|---|---|---|---|---|---|---|
"""


def access_page() -> str:
    """Gives the page as Markdown."""
    by_package: dict[str, list[RpcPolicy]] = defaultdict(list)
    for policy in rpc_policies().values():
        by_package[policy.full_method.split(".")[1]].append(policy)
    sections = [f"\n## {package}\n{TABLE}" + "".join(map(_row, rows)) for package, rows in sorted(by_package.items())]
    return HEAD + "".join(sections)


def _row(policy: RpcPolicy) -> str:
    name = policy.full_method.rpartition(".")[2].replace("/", ".")
    routes = "<br>".join(f"`{binding.method} {binding.path}`" for binding in policy.bindings)
    if policy.internal:
        routes = "inside"
    open_to = [policy.public, *(_is_open_to(role, policy) for role in ROLES), policy.service_only]
    return f"| {name} | {routes} | " + " | ".join("yes" if each else "" for each in open_to) + " |\n"


def _is_open_to(role: str, policy: RpcPolicy) -> bool:
    if policy.public:
        return True
    return policy.least_role in ROLES and ROLES.index(role) >= ROLES.index(policy.least_role)


if __name__ == "__main__":
    sys.stdout.write(access_page())
