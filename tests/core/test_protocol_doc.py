"""docs/protocol.md says what the code speaks."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from tests.end_to_end.rubbish.table import documented
from undertone.core.errors import CLOSE_CODES
from undertone.core.events import EVENT_KINDS
from undertone.core.messages import FROM_CANDIDATE, FROM_PROCTOR, TO_CANDIDATE, TO_PROCTOR
from undertone.core.protocol_doc import BODIES, DOCUMENT, PARTS, SHAPES, TEMPLATE, document
from undertone.web.evidence import EvidenceRoutes
from undertone.web.health import Health
from undertone.web.meetings import MeetingRoutes
from undertone.web.rooms import RoomRoutes

ROOT = Path(__file__).resolve().parents[2]
MORE = {"rubbish": documented}


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / DOCUMENT).read_text()


def test_the_page_is_what_the_code_and_the_template_say(page: str) -> None:
    assert page == document((ROOT / TEMPLATE).read_text(), MORE), "run: python docs/generate.py"


def test_every_generated_part_has_its_place_and_no_place_is_empty() -> None:
    places = re.findall(r"\{\{(.+?)\}\}", (ROOT / TEMPLATE).read_text())
    assert sorted(places) == sorted([*PARTS, *MORE])
    assert all(len(part()) > 100 for part in [*PARTS.values(), *MORE.values()])
    with pytest.raises(KeyError):
        document("{{nothing}}")


def test_every_message_has_its_heading(page: str) -> None:
    for kind in {*FROM_CANDIDATE, *TO_CANDIDATE, *FROM_PROCTOR, *TO_PROCTOR}:
        assert f"#### `{kind.__struct_config__.tag}`\n" in page


def test_every_code_and_kind_stands_in_its_table(page: str) -> None:
    for fault in CLOSE_CODES:
        assert re.search(rf"\| {fault.close} \| `{fault.code}` \| {fault.status} \|", page)
    for kind in EVENT_KINDS:
        assert re.search(rf"^\|.*`{kind}`", page, re.MULTILINE)


def test_every_shape_that_is_named_is_described(page: str) -> None:
    """A type in a table is a word with a capital: each needs a heading of its own."""
    described = {shape.__name__ for shape in (*SHAPES, *BODIES)}
    cells = [cell for line in page.splitlines() if line.startswith("|") for cell in line.split("|")]
    named = {
        match
        for cell in cells
        for match in re.findall(r"(?:^|list of |201 )([A-Z][a-z]+(?:[A-Z][a-z]+)*)(?:, optional)?$", cell.strip())
    }
    assert {"Person", "Anomaly", "Cursor", "MeetingCreated"} <= named
    assert named <= described


def test_every_call_is_listed_and_every_call_listed_is_there(page: str) -> None:
    listed = set(re.findall(r"^\| `([A-Z]+) (/[^?`]*)", page, re.MULTILINE))
    routed = set()
    for part in (MeetingRoutes, RoomRoutes, EvidenceRoutes):
        nobody = part(**dict.fromkeys([field.name for field in dataclasses.fields(part)]))  # type: ignore[arg-type]
        routed |= {(method, route.path) for route in nobody.routes() for method in route.methods or ()}
    routed |= {(method, route.path) for route in Health(None).routes() for method in route.methods or ()}  # type: ignore[arg-type]
    assert {call for call in routed if call[0] != "HEAD"} == listed


def test_types_are_said_in_words(page: str) -> None:
    assert "| `token` | string, 0 to 4096 characters | required |" in page
    assert "| `lost_ms` | integer, 0 to 604800000 | required |" in page
    assert "| `offset` | integer, 0 to 2^50 | required |" in page
    assert "| `decision` | `confirmed` \\| `dismissed` \\| `open` | required |" in page
    assert "list of [integer, integer, string, integer, `clean`" in page
    assert "or null]" in page
