"""What must hold of every page in every state: no fault that axe finds, nothing that scrolls sideways."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from playwright.async_api import Page

AXE: Final = Path(__file__).parents[2] / "client" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
# WCAG 2.2 AA, and what axe calls best practice. The rules that fetch are off: pages load nothing for a test.
_RUN: Final = """async () => {
  const found = await axe.run(document, {
    preload: false,
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  });
  return found.violations.map(({ id, help, nodes }) => ({
    id, help, nodes: nodes.map(({ target, failureSummary }) => `${target.flat().join(" » ")}: ${failureSummary}`),
  }));
}"""
# Everything on the page, in shadow roots too, that is wider inside than it shows and would scroll.
_SIDEWAYS: Final = """() => {
  const wide = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) wide.push(`the page: ${root.scrollWidth} in ${root.clientWidth}`);
  const walk = (node) => {
    for (const element of node.querySelectorAll("*")) {
      const overflow = getComputedStyle(element).overflowX;
      if ((overflow === "auto" || overflow === "scroll") && element.scrollWidth > element.clientWidth) {
        wide.push(`${element.localName}.${element.className}: ${element.scrollWidth} in ${element.clientWidth}`);
      }
      if (element.shadowRoot) walk(element.shadowRoot);
    }
  };
  walk(document);
  return wide;
}"""


async def accessible(page: Page) -> None:
    """Raises AssertionError with what axe finds wrong on the page as it is now."""
    await page.evaluate(AXE.read_text())  # through the debugger, where the page's own policy does not apply
    found: list[dict[str, Any]] = await page.evaluate(_RUN)
    told = [f"{each['id']}: {each['help']}\n    " + "\n    ".join(each["nodes"]) for each in found]
    assert not told, "\n".join(told)


async def nothing_scrolls_sideways(page: Page) -> None:
    """Raises AssertionError with what does."""
    wide: list[str] = await page.evaluate(_SIDEWAYS)
    assert not wide, "\n".join(wide)
