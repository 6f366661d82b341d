"""The table of fields that bodies may have says what the contracts say."""

from atalaya_gateway import body_fields, contract


def test_every_route_with_a_json_body_has_its_message_in_the_table() -> None:
    table = body_fields.lua_table()
    named = {body_fields.message_of(rpc, binding) for rpc, binding in contract.routes()} - {""}

    assert "atalaya.auth.v1.LoginRequest" in named
    assert [name for name in named if f'["{name}"] = {{' not in table] == []


def test_a_field_may_be_named_as_the_contract_does_or_as_json_does() -> None:
    [line] = [each for each in body_fields.lua_table().splitlines() if "auth.v1.ChangePasswordRequest" in each]

    assert '["current_password"] = true' in line
    assert '["currentPassword"] = true' in line


def test_messages_inside_messages_are_in_it_and_maps_take_any_name() -> None:
    table = body_fields.lua_table()
    [source] = [each for each in table.splitlines() if '["atalaya.ingest.v1.CreateSourceRequest"] =' in each]

    assert '["*"] = ' in table
    assert '"atalaya.ingest.v1.' in source.partition("= {")[2]
