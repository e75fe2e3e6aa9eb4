"""The browser's types from what the code speaks: client/browser/src/wire/messages.ts, every shape, kind and code.

What the client sends has optional fields where a default stands; what it receives has them where the server may leave
one out. Bounds (lengths, ranges) are the server's to check, and are in docs/protocol.md.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable
from typing import Final

import msgspec.inspect as types
from msgspec import Struct

from undertone.core import errors, events, messages
from undertone.core.protocol_doc import BODIES, SHAPES

MODULE: Final = "client/browser/src/wire/messages.ts"

_DIRECTIONS: Final = {
    "FromCandidate": messages.FROM_CANDIDATE,
    "ToCandidate": messages.TO_CANDIDATE,
    "FromProctor": messages.FROM_PROCTOR,
    "ToProctor": messages.TO_PROCTOR,
}
_CONSTANTS: Final = {
    "STREAM_PROTOCOL": messages.STREAM_PROTOCOL,
    "CHANNEL_PROTOCOL": messages.CHANNEL_PROTOCOL,
    "MAX_MESSAGE_BYTES": messages.MAX_MESSAGE_BYTES,
    "TICK_EVERY_MS": messages.TICK_EVERY_MS,
    "EXPIRING_BEFORE_MS": messages.EXPIRING_BEFORE_MS,
    "FIRST_RETRY": errors.FIRST_RETRY,
    "FIRST_FINAL": errors.FIRST_FINAL,
}


def module() -> str:
    """The whole file."""
    said = dict.fromkeys(shape for direction in _DIRECTIONS.values() for shape in direction)
    parts = [
        "// Written by `python docs/generate.py` from server/undertone/core; a test compares.",
        *(f"export const {name} = {json.dumps(value)};" for name, value in _CONSTANTS.items()),
        _final_codes(),
        _codes(),
        f"export type Outcome = {_type(types.type_info(events.Outcome))};",
        *(_interface(shape) for shape in (*SHAPES, *said)),
        *(_interface(shape) for shape in dict.fromkeys(events.EVENT_KINDS.values())),
        _events(),
        *(f"export type {name} = {' | '.join(map(_said, shapes))};" for name, shapes in _DIRECTIONS.items()),
        *(_interface(shape) for shape in BODIES),
    ]
    return "\n\n".join(parts) + "\n"


def _said(shape: type[Struct]) -> str:
    """A message's type; an event's is one of those of its kind."""
    return "ChannelEvent" if shape is messages.EventMessage else shape.__name__


def _final_codes() -> str:
    codes = ", ".join(str(code) for code in sorted(errors.FINAL_BELOW_4000))
    return (
        "/** Close codes below 4000 after which a client does not try again. */\n"
        f"export const FINAL_BELOW_4000: readonly number[] = [{codes}];"
    )


def _codes() -> str:
    rows = "\n".join(f"  {fault.close}: {json.dumps(fault.code)}, // {fault.meaning}" for fault in errors.CLOSE_CODES)
    return (
        f"export const CLOSE_CODES = {{\n{rows}\n}} as const;\n\n"
        "export type ErrorCode = (typeof CLOSE_CODES)[keyof typeof CLOSE_CODES];"
    )


def _events() -> str:
    kinds = "\n".join(f"  {kind}: {body.__name__};" for kind, body in events.EVENT_KINDS.items())
    return (
        f"/** What each kind of event carries besides the participant. */\nexport interface EventBodies {{\n{kinds}\n}}"
        "\n\nexport type EventKind = keyof EventBodies;\n\n"
        "/** One numbered entry of the channel. Kinds unknown to this version may come; they have an id too. */\n"
        "export type ChannelEvent = {\n"
        '  [K in EventKind]: Omit<EventMessage, "kind"> & { kind: K } & EventBodies[K];\n'
        "}[EventKind];"
    )


def _interface(shape: type[Struct]) -> str:
    info = types.type_info(shape)
    assert isinstance(info, types.StructType)
    lines = [] if info.tag is None else [f"  type: {json.dumps(info.tag)};"]
    lines += [_field(field, info) for field in info.fields]
    text = " ".join((inspect.getdoc(shape) or "").split())
    if not lines:  # an interface without members would take anything
        return f"/** {text} */\nexport type {shape.__name__} = Record<never, never>;"
    body = "\n".join(lines)
    return f"/** {text} */\nexport interface {shape.__name__} {{\n{body}\n}}"


def _field(field: types.Field, info: types.StructType) -> str:
    omitted = not field.required and (info.cls.__struct_config__.omit_defaults or field.default is None)
    kind = field.type
    if omitted and isinstance(kind, types.UnionType):  # absent says the same as null
        return f"  {field.encode_name}?: {_union(each for each in kind.types if not isinstance(each, types.NoneType))};"
    return f"  {field.encode_name}{'?' if omitted else ''}: {_type(kind)};"


def _union(kinds: Iterable[types.Type]) -> str:
    return " | ".join(_type(kind) for kind in kinds)


def _type(kind: types.Type) -> str:
    match kind:
        case types.UnionType(types=options):
            return _union(options)
        case types.NoneType():
            return "null"
        case types.StrType():
            return "string"
        case types.IntType() | types.FloatType():
            return "number"
        case types.BoolType():
            return "boolean"
        case types.LiteralType(values=values):
            return " | ".join(json.dumps(value) for value in values)
        case types.StructType(cls=shape):
            return shape.__name__
        case types.ListType(item_type=item):
            inner = _type(item)
            return f"({inner})[]" if " | " in inner else f"{inner}[]"
        case types.TupleType(item_types=items):
            return "[" + ", ".join(_type(item) for item in items) + "]"
        case types.DictType():
            return "Record<string, unknown>"
        case types.AnyType():
            return "unknown"
    raise TypeError(f"{kind} has no TypeScript type here")
