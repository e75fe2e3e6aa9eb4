"""What the pages load stays within what was promised."""

from __future__ import annotations

import pytest

from tests.browser.sizes import BUDGETS_KB, PAGES, ROOM_BUDGET_KB, loaded, rooms, size, size_of
from undertone.app import BUNDLE


@pytest.mark.parametrize("page", sorted(BUDGETS_KB))
def test_a_page_stays_within_its_budget(page: str) -> None:
    size = size_of(page)
    assert size.gzip / 1000 < BUDGETS_KB[page]
    assert size.brotli < size.gzip < size.plain


def test_a_room_is_loaded_on_top_and_only_the_script_of_its_provider() -> None:
    found = rooms()
    assert set(found) == {"livekit", "realtimekit"}
    for files in found.values():
        assert size(files).gzip / 1000 < ROOM_BUDGET_KB
    # What they share is the element.
    assert size(found["livekit"] & found["realtimekit"]).gzip < 15_000


def test_everything_that_was_built_for_pages_is_counted() -> None:
    counted = set().union(*(loaded(BUNDLE / f"{page}.html", BUNDLE) for page in PAGES), *rooms().values())
    for_others = {path for path in BUNDLE.iterdir() if path.name.startswith(("undertone", "define"))}
    built = {path for path in BUNDLE.iterdir() if path.suffix in {".js", ".css", ".svg", ".wasm"}}
    assert built - for_others == counted - for_others
