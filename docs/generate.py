"""Writes docs/protocol.md, the tables in docs/storage.md and docs/rooms.md, and the browser's types.

`python docs/generate.py`: from docs/protocol.template.md, the definitions in the code, and the tables of what the tests
do to a server and of what buckets and room providers do to it.
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
    from tests.store.bucket_faults import with_table

    (ROOT / DOCUMENT).write_text(document((ROOT / TEMPLATE).read_text(), {"rubbish": documented}))
    storage = ROOT / "docs" / "storage.md"
    storage.write_text(with_table(storage.read_text()))
    (ROOT / typescript.MODULE).write_text(typescript.module())
    rooms = ROOT / "docs" / "rooms.md"
    behaviours = re.compile(r"(<!-- behaviours: .*? -->\n).*?(<!-- /behaviours -->)", re.DOTALL)
    rooms.write_text(behaviours.sub(lambda part: f"{part[1]}{table.documented()}\n{part[2]}", rooms.read_text()))
