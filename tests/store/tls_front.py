"""PostgreSQL behind TLS: what answers SSLRequest, takes TLS off and passes the rest on to the server of the tests.

That one's build has none.

PostgreSQL documentation, "Message Flow", SSL Session Encryption:
https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

SSL_REQUEST: Final = struct.pack("!II", 8, 80877103)


@dataclass(frozen=True)
class Certificate:
    """One that its own authority has signed, for 127.0.0.1 alone; files in PEM."""

    certificate: Path
    key: Path

    @property
    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def made_certificate(folder: Path) -> Certificate:
    """Valid for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "PostgreSQL of the tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    made.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made


@dataclass
class Front:
    """`url` leads through it; `encrypted` counts connections that came with TLS, `plain` those without."""

    url: str = ""
    encrypted: int = 0
    plain: int = 0


@asynccontextmanager
async def tls_front(url: str, certificate: Certificate | None) -> AsyncIterator[Front]:
    """One that takes connections; without a certificate it says that it speaks no TLS."""
    parts = urlsplit(url)
    there = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
    front = Front()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            first = await reader.readexactly(8)
            if first == SSL_REQUEST and certificate is not None:
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(certificate.server)
                front.encrypted += 1
                first = b""
            elif first == SSL_REQUEST:
                writer.write(b"N")
                first = b""
            else:
                front.plain += 1
            inner_reader, inner_writer = await asyncio.open_unix_connection(there)
            inner_writer.write(first)
            await asyncio.gather(_pass_on(reader, inner_writer), _pass_on(inner_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    front.url = f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}"
    try:
        yield front
    finally:
        server.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
