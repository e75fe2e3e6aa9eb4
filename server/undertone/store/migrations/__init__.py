"""Brings a database to the schema that this version speaks.

`schema.sql` is that schema, whole: an empty database gets it as it stands. A database of an older version gets
`002.sql`, `003.sql` … of this folder instead, from the one after its version on. Everything happens in one transaction
under an advisory lock: a process that dies half way leaves nothing, and processes that start together wait in line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import anyio
import asyncpg

from undertone.core.errors import UndertoneError

VERSION: Final = 1  # of schema.sql; the number of the newest migration here
OLDEST_POSTGRES: Final = 15  # gets security fixes until November 2027; older ones are not tried

# Any number will do that nobody else in the database locks: "undr" in ASCII.
_LOCK: Final = 0x756E6472

_FOLDER: Final = Path(__file__).parent
_SCHEMA: Final = _FOLDER.parent / "schema.sql"

# pg_advisory_xact_lock, not the session's: it goes with the transaction, however that ends.
_TAKE_TURNS: Final = "select pg_advisory_xact_lock($1)"
_IS_EMPTY: Final = "select to_regclass('schema_version') is null"
_READ_VERSION: Final = "select version from schema_version"
_WRITE_VERSION: Final = "update schema_version set version = $1"


class WrongDatabase(UndertoneError):
    """Whoever runs the server pointed it at a database that it can't work with; the text says which would do."""


async def migrate(
    connection: asyncpg.Connection[asyncpg.Record],
    *,
    version: int = VERSION,
    schema: Path = _SCHEMA,
    folder: Path = _FOLDER,
) -> None:
    """Applies what is missing, atomically. Raises WrongDatabase, and asyncpg's errors as they come."""
    release = connection.get_server_version()
    if release.major < OLDEST_POSTGRES:
        raise WrongDatabase(f"PostgreSQL {release.major} is too old: {OLDEST_POSTGRES} or newer is needed")
    async with connection.transaction():
        await connection.execute(_TAKE_TURNS, _LOCK)
        if await connection.fetchval(_IS_EMPTY):
            await connection.execute(await anyio.Path(schema).read_text(encoding="utf-8"))
            return
        found: int = await connection.fetchval(_READ_VERSION)
        if found > version:
            raise WrongDatabase(
                f"the database has schema version {found}, this program knows {version}: run the newer program, "
                "or restore the backup that was made before it first ran"
            )
        for step in range(found + 1, version + 1):
            await connection.execute(await (anyio.Path(folder) / f"{step:03}.sql").read_text(encoding="utf-8"))
            await connection.execute(_WRITE_VERSION, step)
