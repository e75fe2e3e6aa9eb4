"""The table of settings in README.md, from where they are declared. `python -m tests.readme` writes it."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Final

from undertone.config import PREFIX, Settings

README: Final = Path(__file__).resolve().parent.parent / "README.md"
BLOCK: Final = re.compile(r"(<!-- settings: .*? -->\n)(.*?)(<!-- /settings -->)", re.DOTALL)


def table() -> str:
    """One row a setting."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for each in dataclasses.fields(Settings):
        value = each.default
        value = int(value) if isinstance(value, bool) else value
        shown = ",".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
        private = " (environment only)" if each.metadata["private"] else ""
        default = f"`{shown}`" if shown else "–"
        rows.append(f"| `{PREFIX}{each.name.upper()}` | {default} | {each.metadata['meaning']}{private} |")
    return "\n".join(rows) + "\n"


def with_table(text: str) -> str:
    """README's text with the table as it should be."""
    return BLOCK.sub(lambda match: match[1] + table() + match[3], text)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text()))
