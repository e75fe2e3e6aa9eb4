"""The browser's types say what the code speaks."""

from __future__ import annotations

from pathlib import Path

from undertone.core.errors import CLOSE_CODES
from undertone.core.events import EVENT_KINDS
from undertone.core.messages import FROM_CANDIDATE, FROM_PROCTOR, TO_CANDIDATE, TO_PROCTOR
from undertone.core.typescript import MODULE, module

ROOT = Path(__file__).resolve().parents[2]


def test_the_module_is_what_the_code_says() -> None:
    assert (ROOT / MODULE).read_text() == module(), "run: python docs/generate.py"


def test_everything_that_is_said_has_a_type() -> None:
    text = module()
    for shape in {*FROM_CANDIDATE, *TO_CANDIDATE, *FROM_PROCTOR, *TO_PROCTOR}:
        assert f"interface {shape.__name__} {{" in text
    for kind, body in EVENT_KINDS.items():
        assert f"  {kind}: {body.__name__};" in text
    for fault in CLOSE_CODES:
        assert f'{fault.close}: "{fault.code}",' in text


def test_what_may_be_left_out_is_optional_and_null_stays_null_within_a_list() -> None:
    text = module()
    assert "  stream?: number;" in text
    assert "  windows: ([number, number, string, number, " in text
    assert " | null])[];" in text
    assert '  decision: "confirmed" | "dismissed" | "open";' in text
