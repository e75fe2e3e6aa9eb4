"""What hosted PostgreSQL's consoles print is taken as it stands, or told how to write it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from asyncpg.connect_utils import _parse_connect_dsn_and_args  # type: ignore[attr-defined]  # what the driver reads

from undertone.config import ConfigError, Settings
from undertone.database_urls import database_url, trusted_authorities


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://owner:pw@ep-cool-leaf-123456.us-east-2.aws.neon.tech/neondb?sslmode=require",
        "postgresql://owner:pw@pg.neon.tech/neondb?sslmode=require&options=endpoint%3Dep-cool-leaf-123456",
        "postgres://postgres.abcdefgh:pw@aws-0-eu-central-1.pooler.supabase.com:6543/postgres",
        "postgresql://undertone:p%40ss@db.example.eu-central-1.rds.amazonaws.com:5432/exams?sslmode=verify-full",
        "postgresql://undertone:pw@school.postgres.database.azure.com:5432/exams?sslmode=require",
        "postgresql://u:pw@a.example,b.example/exams?target_session_attrs=read-write",
    ],
)
def test_what_consoles_print_is_taken(url: str) -> None:
    read = database_url(url)
    assert urlsplit(read).netloc == urlsplit(url).netloc
    asked, said = parse_qs(urlsplit(url).query), parse_qs(urlsplit(read).query)
    assert asked.items() <= said.items()
    assert read == database_url(read)


def test_what_it_is_read_to_is_what_asyncpg_reads() -> None:
    read = database_url("postgres://u:p%40ss@pg.example/d?sslmode=verify-full&options=endpoint%3Dep-1%20-c%20jit%3Doff")
    addresses, told = _parse_connect_dsn_and_args(
        dsn=read,
        **dict.fromkeys(("host", "port", "user", "password", "passfile", "database", "ssl", "service", "servicefile")),
        **dict.fromkeys(("direct_tls", "server_settings", "target_session_attrs", "krbsrvname", "gsslib")),
    )
    assert addresses == [("pg.example", 5432)]
    assert (told.user, told.password, told.database) == ("u", "p@ss", "d")
    assert told.server_settings == {"options": "endpoint=ep-1 -c jit=off"}
    assert told.ssl.check_hostname


def test_a_certificate_is_compared_with_what_this_machine_trusts_unless_told(tmp_path: Path) -> None:
    def authorities(options: str) -> list[str] | None:
        return parse_qs(urlsplit(database_url(f"postgresql://h/d?{options}")).query).get("sslrootcert")

    own = tmp_path / "own.pem"
    own.touch()
    assert authorities("sslmode=verify-full") == [trusted_authorities()]
    assert authorities("sslmode=verify-full&sslrootcert=system") == [trusted_authorities()]
    assert authorities(f"sslmode=verify-full&sslrootcert={own}") == [str(own)]
    assert authorities("sslmode=require") is None
    assert "BEGIN CERTIFICATE" in Path(trusted_authorities()).read_text()


def test_who_trusts_what_the_system_does_has_the_certificate_looked_at() -> None:
    """As in libpq, where it means verify-full, and weaker modes are an error; asyncpg would not look at all."""
    read = parse_qs(urlsplit(database_url("postgresql://h/d?sslrootcert=system")).query)
    assert read == {"sslmode": ["verify-full"], "sslrootcert": [trusted_authorities()]}
    for mode in ("disable", "prefer", "require", "verify-ca"):
        with pytest.raises(ValueError, match="sslrootcert=system takes sslmode=verify-full"):
            database_url(f"postgresql://h/d?sslmode={mode}&sslrootcert=system")


UNREADABLE_URLS = [
    "postgresql://user:p℀ss@host/db",
    "postgresql://user:pa[secret]x@host/db",
    "postgresql://user:pa/ss@host/db",
    "postgresql://user:12/ss@host/db",
    "postgresql://user:pa?ss@host/db",
    "postgresql://user:pa#ss@host/db",
    "postgresql://user:pa@ss@host/db",
    "postgresql://user:pass@host:abc/db",
    "postgresql://user:pass@host:65536/db",
    "postgresql://user:pass@one:5432,two:abc/db",
    "postgresql://user:pass@one,,two/db",
    "postgresql://user:pass@host/db#ss",
]


@pytest.mark.parametrize("url", UNREADABLE_URLS)
def test_what_can_not_be_read_is_refused_without_a_piece_of_the_password(url: str) -> None:
    with pytest.raises(ConfigError) as told:
        Settings.read({"UNDERTONE_DATABASE_URL": url})
    assert "percent-encoded" in str(told.value)
    assert "\n" not in str(told.value)
    for piece in ("p℀", "pa[", "secret", "pa/", "pa?", "pa#", "pa@", "ss@", "pass", "'pa'", "12", "abc", "user:"):
        assert piece not in str(told.value).replace("password", "")


@pytest.mark.parametrize(
    "hosts", ["h", "h:5433", "a:1,b:2", "a,b:65535", "[::1]:5432", "[::1],b", "%2Fvar%2Frun", "", "u@h", "u:p%2F%3Fq@h"]
)
def test_hosts_are_taken_as_asyncpg_takes_them(hosts: str) -> None:
    assert urlsplit(database_url(f"postgresql://{hosts}/d")).netloc == hosts


def test_binding_the_channel_is_given_up_only_for_a_certificate_that_is_looked_at() -> None:
    assert "channel_binding" not in database_url("postgresql://h/d?sslmode=verify-full&channel_binding=require")
    assert "channel_binding" not in database_url("postgresql://h/d?sslmode=require&channel_binding=prefer")
    with pytest.raises(ValueError, match="write sslmode=verify-full instead of both"):
        database_url("postgresql://h/d?sslmode=require&channel_binding=require")
