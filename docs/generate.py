"""Writes docs/protocol.md from docs/protocol.template.md and the definitions in the code: `python docs/generate.py`."""

from __future__ import annotations

from pathlib import Path

from undertone.core.protocol_doc import DOCUMENT, TEMPLATE, document

ROOT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    (ROOT / DOCUMENT).write_text(document((ROOT / TEMPLATE).read_text()))
