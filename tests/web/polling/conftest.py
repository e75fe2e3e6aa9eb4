"""A node with the polling front end's routes, for all tests of a file; each has a meeting of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import asyncpg
import pytest

from tests.conftest import TEMPLATE
from tests.web.polling.page import Page
from tests.web.watched import Watched, watched
from undertone.store.embedded import EmbeddedPostgres

_numbers = count(1)


@pytest.fixture(scope="module")
async def house(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    """The node and its database."""
    name = f"polling_{next(_numbers)}"
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute(f"create database {name} template {TEMPLATE} strategy file_copy")
    await connection.close()
    async with watched(postgres.url(name), tmp_path_factory.mktemp("polling"), polling_api=True) as house:
        yield house


@pytest.fixture
async def page(house: Watched) -> Page:
    """A meeting that began an hour ago: sound of a minute may be a minute old."""
    page = await Page(house).create()
    await page.rows("update meetings set created_at = created_at - interval '1 hour' where meeting = :meeting")
    return page
