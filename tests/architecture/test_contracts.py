"""The protos say everything: comments on every element, an access rule and own requests on every rpc."""

from collections import Counter
from collections.abc import Iterator

from atalaya.options.v1 import access_pb2
from atalaya.policies import descriptor_set, rpc_policies
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    MethodDescriptorProto,
)

Path = tuple[int, ...]
OWN_FILES = [file for file in descriptor_set().file if file.package.startswith("atalaya.")]


def test_every_proto_element_has_a_comment() -> None:
    silent = [name for file in OWN_FILES for name, path in elements(file) if not comments(file).get(path)]
    assert silent == []


def test_every_rpc_says_who_may_call_it() -> None:
    wrong = [
        name
        for name, policy in rpc_policies().items()
        if [policy.public, bool(policy.least_role), policy.service_only].count(True) != 1
    ]
    assert wrong == []


def test_every_request_belongs_to_one_rpc_and_carries_its_name() -> None:
    requests = [(method.name, method.input_type.rsplit(".", 1)[1], method.input_type) for method in methods()]
    assert [(rpc, name) for rpc, name, _ in requests if name != f"{rpc}Request"] == []
    assert [name for name, uses in Counter(full for *_, full in requests).items() if uses > 1] == []


def test_every_enum_begins_with_an_unspecified_zero() -> None:
    firsts = [enum.value[0] for file in OWN_FILES for enum in file.enum_type]
    assert [value.name for value in firsts if value.number or not value.name.endswith("_UNSPECIFIED")] == []


def test_passwords_and_tokens_are_marked_for_redaction() -> None:
    secret = (
        "password",
        "new_password",
        "current_password",
        "access_token",
        "refresh_token",
        "invitation_token",
        "key",
    )
    bare = [
        f"{message.name}.{field.name}"
        for file in OWN_FILES
        for message in file.message_type
        for field in message.field
        if field.name in secret and not field.options.debug_redact
    ]
    assert bare == []


def test_the_access_option_is_read_from_the_descriptors() -> None:
    register = rpc_policies()["/atalaya.auth.v1.AuthService/Register"]
    assert (register.public, register.success_status) == (True, 201)
    assert access_pb2.Role.Name(access_pb2.ROLE_ADMIN) == "ROLE_ADMIN"


def methods() -> Iterator[MethodDescriptorProto]:
    for file in OWN_FILES:
        for service in file.service:
            yield from service.method


def comments(file: FileDescriptorProto) -> dict[Path, str]:
    return {tuple(place.path): place.leading_comments.strip() for place in file.source_code_info.location}


def elements(file: FileDescriptorProto) -> Iterator[tuple[str, Path]]:
    """Names each message, field, enum, value, service, rpc and extension with its path in the descriptor."""
    for index, message in enumerate(file.message_type):
        yield from message_elements(message, (4, index), f"{file.package}.{message.name}")
    for index, enum in enumerate(file.enum_type):
        yield from enum_elements(enum, (5, index), f"{file.package}.{enum.name}")
    for index, service in enumerate(file.service):
        yield f"{file.package}.{service.name}", (6, index)
        for number, method in enumerate(service.method):
            yield f"{file.package}.{service.name}.{method.name}", (6, index, 2, number)
    for index, extension in enumerate(file.extension):
        yield f"{file.package}.{extension.name}", (7, index)


def message_elements(
    message: DescriptorProto, path: tuple[int, ...], name: str
) -> Iterator[tuple[str, tuple[int, ...]]]:
    if message.options.map_entry:
        return
    yield name, path
    for index, field in enumerate(message.field):
        yield f"{name}.{field.name}", (*path, 2, index)
    for index, nested in enumerate(message.nested_type):
        yield from message_elements(nested, (*path, 3, index), f"{name}.{nested.name}")
    for index, enum in enumerate(message.enum_type):
        yield from enum_elements(enum, (*path, 4, index), f"{name}.{enum.name}")


def enum_elements(enum: EnumDescriptorProto, path: Path, name: str) -> Iterator[tuple[str, Path]]:
    yield name, path
    for index, value in enumerate(enum.value):
        yield f"{name}.{value.name}", (*path, 2, index)
