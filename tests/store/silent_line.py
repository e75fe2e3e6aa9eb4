"""A line to PostgreSQL that can go silent, like one that a firewall forgot: nothing comes, and nothing is refused."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

SOCKET = ".s.PGSQL.5432"


@dataclass
class SilentLine:
    """`url` leads through it to the database. `talking` is cleared to silence it, old connections and new ones."""

    url: str
    talking: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0
    forgotten: int = 0
    # It goes silent once it is asked something that holds this.
    silenced_by: bytes = b""
    # The first answer that holds this is lost.
    loses: bytes = b""

    def forget(self) -> None:
        """Nothing comes any more on the connections that there are; new ones are as good as ever."""
        self.forgotten = self.connections


@asynccontextmanager
async def silent_line(url: str) -> AsyncIterator[SilentLine]:
    """A talking one."""
    parts = urlsplit(url)
    options = {name: values[0] for name, values in parse_qs(parts.query).items()}
    there = Path(options["host"]) / SOCKET
    with tempfile.TemporaryDirectory(prefix="line-") as here:
        line = SilentLine(urlunsplit(parts._replace(query=urlencode({**options, "host": here}))))
        line.talking.set()

        async def forward(
            number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asked: bool
        ) -> None:
            with suppress(OSError):
                while data := await reader.read(65536):
                    if asked and line.silenced_by and line.silenced_by in data:
                        line.talking.clear()
                    if not asked and line.loses and line.loses in data:
                        line.loses = b""
                        continue
                    await line.talking.wait()
                    if number > line.forgotten:
                        writer.write(data)
            writer.close()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            number = line.connections = line.connections + 1
            there_reader, there_writer = await asyncio.open_unix_connection(str(there))
            with suppress(asyncio.CancelledError):  # the test is over
                await asyncio.gather(
                    forward(number, reader, there_writer, asked=True),
                    forward(number, there_reader, writer, asked=False),
                )

        server = await asyncio.start_unix_server(serve, str(Path(here) / SOCKET))
        try:
            yield line
        finally:
            line.talking.set()
            server.close()
