"""Writes docs/protocol.md and the browser's types: `python docs/generate.py`.

From docs/protocol.template.md, the definitions in the code, and the table of what the tests throw at a server.
"""

from __future__ import annotations

import sys
from pathlib import Path

from undertone.core import typescript
from undertone.core.protocol_doc import DOCUMENT, TEMPLATE, document

ROOT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))  # the tests are no installed package
    from tests.end_to_end.rubbish.table import documented

    (ROOT / DOCUMENT).write_text(document((ROOT / TEMPLATE).read_text(), {"rubbish": documented}))
    (ROOT / typescript.MODULE).write_text(typescript.module())
