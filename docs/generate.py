"""Writes docs/protocol.md, the browser's types and the table of docs/rooms.md: `python docs/generate.py`.

From docs/protocol.template.md, the definitions in the code, and the tables of what the tests throw at a server and let
room providers do.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from undertone.core import typescript
from undertone.core.protocol_doc import DOCUMENT, TEMPLATE, document

ROOT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))  # the tests are no installed package
    from tests.end_to_end.rubbish.table import documented
    from tests.rooms import table

    (ROOT / DOCUMENT).write_text(document((ROOT / TEMPLATE).read_text(), {"rubbish": documented}))
    (ROOT / typescript.MODULE).write_text(typescript.module())
    rooms = ROOT / "docs" / "rooms.md"
    behaviours = re.compile(r"(<!-- behaviours: .*? -->\n).*?(<!-- /behaviours -->)", re.DOTALL)
    rooms.write_text(behaviours.sub(lambda part: f"{part[1]}{table.documented()}\n{part[2]}", rooms.read_text()))
