"""What README says is there, is there."""

from __future__ import annotations

import re

from tests.readme import README, with_table

ROOT = README.parent


def test_its_settings_are_those_that_are_read() -> None:
    text = README.read_text()
    assert text == with_table(text), "write it anew: python -m tests.readme"


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README.read_text()):
        assert (ROOT / target).exists(), target


def test_its_make_commands_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z]+)`?", README.read_text())) <= targets
