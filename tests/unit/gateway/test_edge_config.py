"""Every item of Envoy's guide for edge proxies stands in the rendered configuration, with its value (O-09)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from atalaya_gateway import contract, render

Json = dict[str, Any]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Json:
    folder = tmp_path_factory.mktemp("edge")
    hosts = {name: f"{name}.svc:50051" for name in contract.clusters()}
    path = render(
        port=8000,
        sockets=hosts,
        admin_socket=str(folder / "admin.sock"),
        directory=folder,
        trusted_proxy_hops=2,
        max_heap_bytes=2**28,
        max_connections=5000,
    )
    return dict(json.loads(path.read_text()))


@pytest.fixture(scope="module")
def manager(config: Json) -> Json:
    return dict(config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"])


def services(config: Json) -> list[Json]:
    names = {*contract.clusters(), *map(contract.hashing_cluster, contract.hashing_clusters())}
    return [each for each in config["static_resources"]["clusters"] if each["name"] in names]


def routes(manager: Json) -> list[Json]:
    return list(manager["route_config"]["virtual_hosts"][0]["routes"])


def test_memory_and_connections_have_an_end(config: Json) -> None:
    overload = config["overload_manager"]
    monitors = {each["name"].rpartition(".")[2]: each["typed_config"] for each in overload["resource_monitors"]}
    actions = {
        each["name"].rpartition(".")[2]: each["triggers"][0]["threshold"]["value"] for each in overload["actions"]
    }

    assert monitors["fixed_heap"]["max_heap_size_bytes"] == 2**28
    assert monitors["global_downstream_max_connections"]["max_active_downstream_connections"] == 5000
    assert actions == {"shrink_heap": 0.95, "stop_accepting_requests": 0.98}


def test_a_connection_may_not_take_back_requests_without_end(config: Json) -> None:
    [layer] = config["layered_runtime"]["layers"]

    assert layer["static_layer"] == {
        "overload.premature_reset_total_stream_count": 200,
        "overload.premature_reset_min_stream_lifetime_seconds": 1,
        "http.max_requests_per_io_cycle": 1,
    }


def test_the_admin_page_is_not_to_be_reached_from_elsewhere(config: Json, tmp_path: Path) -> None:
    assert set(config["admin"]["address"]) == {"pipe"}
    for address in ("0.0.0.0:9901", "10.0.0.1:9901", "admin:9901"):
        with pytest.raises(ValueError, match="would show Envoy's admin page to others"):
            render(
                port=8000,
                sockets=dict.fromkeys(contract.clusters(), "/s"),
                admin_socket=address,
                directory=tmp_path,
            )


def test_paths_are_brought_to_one_form_before_anything_reads_them(manager: Json) -> None:
    assert manager["normalize_path"] is True
    assert manager["merge_slashes"] is True
    assert manager["path_with_escaped_slashes_action"] == "UNESCAPE_AND_FORWARD"


def test_callers_are_known_by_their_connection_or_by_proxies_that_are_trusted(manager: Json) -> None:
    assert manager["use_remote_address"] is True
    assert manager["xff_num_trusted_hops"] == 2


def test_headers_are_bounded_and_those_of_two_meanings_refused(manager: Json) -> None:
    options = manager["common_http_protocol_options"]

    assert options["headers_with_underscores_action"] == "REJECT_REQUEST"
    assert options["max_headers_count"] == 100
    assert manager["max_request_headers_kb"] == 32
    # Length and chunks together are refused where this is not set.
    assert not manager.get("http_protocol_options", {}).get("allow_chunked_length")


def test_streams_and_windows_are_bounded(config: Json, manager: Json) -> None:
    http2 = manager["http2_protocol_options"]

    assert http2["max_concurrent_streams"] == 100
    assert http2["initial_stream_window_size"] == 65_536
    assert http2["initial_connection_window_size"] == 1_048_576
    for name in ("max_outbound_frames", "max_outbound_control_frames", "max_inbound_priority_frames_per_stream"):
        assert 0 < http2[name] <= 10_000
    listener = config["static_resources"]["listeners"][0]
    assert listener["per_connection_buffer_limit_bytes"] == 1_048_576
    assert {each["per_connection_buffer_limit_bytes"] for each in services(config)} == {1_048_576}


def test_everything_that_can_be_waited_for_has_an_end(config: Json, manager: Json) -> None:
    options = manager["common_http_protocol_options"]

    assert seconds(manager["request_headers_timeout"]) <= 10
    assert seconds(manager["stream_idle_timeout"]) <= 300
    assert seconds(options["idle_timeout"]) <= 300
    assert seconds(options["max_stream_duration"]) <= 300
    assert {cluster["connect_timeout"] for cluster in services(config)} == {"1s"}
    assert all(health["timeout"] == "1s" for cluster in services(config) for health in cluster["health_checks"])


def test_every_rpc_has_a_timeout_or_for_streams_a_longest_duration_and_silence(manager: Json) -> None:
    found = 0
    for rpc, action in rpc_actions(manager):
        found += 1
        if rpc.streams_upload or rpc.method.server_streaming:
            assert seconds(action["max_stream_duration"]["max_stream_duration"]) <= 3600
            assert seconds(action["idle_timeout"]) <= 60
        else:
            assert seconds(action["timeout"]) <= 60
    assert found == len(contract.rpcs())


def test_only_what_repeats_without_harm_is_sent_again_and_little_of_it(config: Json, manager: Json) -> None:
    for rpc, action in rpc_actions(manager):
        policy = action.get("retry_policy", {"retry_on": "", "num_retries": 0})
        assert policy["num_retries"] <= 3
        if not rpc.is_read:
            assert set(policy["retry_on"].split(",")) <= {"", "connect-failure", "refused-stream"}
    for cluster in services(config):
        [threshold] = cluster["circuit_breakers"]["thresholds"]
        assert threshold["retry_budget"]["budget_percent"]["value"] == 20.0
        assert threshold["max_connections"] and threshold["max_pending_requests"] and threshold["max_requests"]


def test_an_address_that_cannot_be_reached_is_left_out_for_a_while(config: Json) -> None:
    for cluster in services(config):
        detection = cluster["outlier_detection"]
        assert detection["split_external_local_origin_errors"] is True
        assert detection["consecutive_local_origin_failure"] == 5
        assert (detection["interval"], detection["base_ejection_time"]) == ("10s", "30s")
        assert detection["max_ejection_percent"] == 10
        # What a service answers is its own matter.
        assert detection["enforcing_consecutive_5xx"] == detection["enforcing_consecutive_gateway_failure"] == 0


def test_only_rpcs_of_the_contracts_and_parameters_they_have_are_taken(manager: Json) -> None:
    filters = {each["name"]: each["typed_config"] for each in manager["http_filters"]}
    transcoder = filters["envoy.filters.http.grpc_json_transcoder"]

    assert set(transcoder["request_validation_options"].values()) == {True}
    assert not transcoder.get("auto_mapping")
    assert filters["envoy.filters.http.body_size_limit"]["max_request_bytes"] == 1_048_576


def test_the_server_names_no_version(manager: Json) -> None:
    assert manager["server_name"] == "atalaya"
    assert "via" not in manager


def test_the_gateway_drains(manager: Json) -> None:
    assert seconds(manager["drain_timeout"]) > 0
    [health] = [each for each in manager["http_filters"] if each["name"] == "envoy.filters.http.health_check"]
    assert health["typed_config"]["pass_through_mode"] is False


def test_the_mark_of_the_gateway_is_taken_off_and_set_anew(manager: Json) -> None:
    [mutation] = manager["early_header_mutation_extensions"]
    removed = {each.get("remove") for each in mutation["typed_config"]["mutations"]}
    [added] = manager["route_config"]["virtual_hosts"][0]["request_headers_to_add"]

    assert added["header"]["key"] == "x-through-gateway"
    assert added["append_action"] == "OVERWRITE_IF_EXISTS_OR_ADD"
    assert {"x-through-gateway", "x-envoy-original-path", "x-tenant-id", "x-http-status"} <= removed


def rpc_actions(manager: Json) -> Iterator[tuple[contract.Rpc, Json]]:
    by_path = {
        route["match"]["path"]: route["route"]
        for route in routes(manager)
        if "path" in route["match"] and "route" in route
    }
    for rpc in contract.rpcs():
        yield rpc, by_path[rpc.policy.full_method]


def seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))
