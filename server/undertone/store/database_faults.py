"""What PostgreSQL, a pooler before it, or the line to it answers instead of what was asked for, and what it means."""

from __future__ import annotations

import re
import ssl
from typing import Final

import asyncpg

from undertone.core.errors import Unavailable

# Not this statement's fault: the same again, a little later, may well succeed.
AWAY: Final = (
    OSError,  # refused, reset, no socket; TimeoutError is one too
    asyncpg.PostgresConnectionError,  # class 08; pgbouncer says 08P01 of whatever is not well, most of which passes
    asyncpg.OperatorInterventionError,  # class 57: shutting down, starting up, cancelled by an administrator
    asyncpg.InsufficientResourcesError,  # class 53: disk full, too many connections
    asyncpg.PostgresSystemError,  # class 58: I/O error below PostgreSQL
    asyncpg.TransactionRollbackError,  # class 40: deadlock, serialization
    asyncpg.ReadOnlySQLTransactionError,  # a standby that is not the primary yet, or any more
)
# What asyncpg raises besides, when the line breaks under it or it is being closed; else a programmer's mistake.
MAYBE_AWAY: Final = (asyncpg.InterfaceError, asyncpg.InternalClientError)
ANY_FAULT: Final = (OSError, asyncpg.PostgresError, *MAYBE_AWAY)

# Of those who ask for a connection: hosts whose computes sleep or are full say XX000 for "not now".
AWAY_AT_FIRST: Final = (*AWAY, asyncpg.InternalServerError)
# A configuration that is wrong; waiting changes nothing.
WRONG: Final = (
    ssl.SSLCertVerificationError,
    asyncpg.InvalidAuthorizationSpecificationError,  # class 28
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ClientConfigurationError,
)
# Of what pgbouncer says with 08P01 that which is a setting, there or here (https://www.pgbouncer.org/config.html).
_A_SETTING: Final = re.compile(
    "unsupported startup parameter|no such (user|database)|not allowed|statement pooling"
    '|password authentication failed|(role|database) "[^"]*" does not exist'
)

TOO_MANY: Final = "the server has no connection left for us: give it more, or set UNDERTONE_DATABASE_CONNECTIONS lower"


def away(error: BaseException) -> Unavailable:
    """What peers are told: the kind of fault only, since messages of the database name hosts and roles."""
    return Unavailable(f"the database is away: {type(error).__name__}")


def advice(error: BaseException) -> str | None:
    """What is wrong with how the database was named, and what would be right; None where waiting may help."""
    match error:
        case ssl.SSLCertVerificationError():
            return (
                f"the database's certificate is not trusted ({error.verify_message}): name its authority with "
                "sslrootcert=FILE, and the host as the certificate does"
            )
        case ConnectionError() if "rejected SSL upgrade" in str(error):
            return "the database speaks no TLS, which sslmode asks for: write sslmode=prefer, or turn it on there"
        case asyncpg.InvalidPasswordError():
            return f"the database does not accept the password: {error}"
        case asyncpg.InvalidAuthorizationSpecificationError() if "no encryption" in str(error):
            return f"the database lets nobody in without TLS: write sslmode=require ({error})"
        case asyncpg.InvalidAuthorizationSpecificationError():
            return f"the database does not let this user in: {error}"
        case asyncpg.InvalidCatalogNameError():
            return f"{error}: create it, or name another one in UNDERTONE_DATABASE_URL"
        case asyncpg.InsufficientPrivilegeError():
            return (
                f"this user may not make Undertone's tables ({error}): let the database be its own, or "
                "grant create, usage on schema public to it"
            )
        case asyncpg.ProtocolViolationError() if not _A_SETTING.search(str(error)):
            return None
        case asyncpg.ProtocolViolationError() | asyncpg.ClientConfigurationError():
            return f"the database can't be asked like this: {error}"
    return None
