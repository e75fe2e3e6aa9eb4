"""`undertone simulate` against a server behind TLS whose certificate an authority of one's own has signed.

The faults sit in a proxy that reads nothing: names and certificates are checked through it as they are without it.
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.balancer import balancing
from tests.end_to_end.test_simulate import Report, outcome
from tests.serving import ROOT, clean_environment, running_server

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(300)]

FAULTS = "--faults=cut,half_open,stall,delay,throttle,slow,rubbish"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """One that signs itself, for `localhost` alone, and a server's context with it."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context


async def simulate(server: str, *arguments: str, **env: str) -> tuple[int, Report, str]:
    command = [sys.executable, "-m", "undertone", "simulate", "--server", server, "--json", *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, env=clean_environment(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    return await asyncio.to_thread(outcome, process)


async def test_faults_strike_lines_under_tls_and_nothing_is_lost(
    database_url: str, tmp_path: Path, certificate: tuple[Path, ssl.SSLContext]
) -> None:
    trusted, context = certificate
    env = {"UNDERTONE_MAX_SPEED": "0"}
    with running_server(tmp_path, database_url=database_url, workers=1, env=env) as server:
        async with balancing([server], tls=context) as front:
            address = f"https://localhost:{front.port}"
            code, report, told = await simulate(
                address,
                *("--candidates", "3", "--proctors", "2", "--duration", "60", "--speed", "6", FAULTS),
                SSL_CERT_FILE=str(trusted),
            )
            assert (code, report.get("violations")) == (0, []), told
            assert report["judged"] == report["windows"] >= 3
            assert sum(each["connections"] for each in report["candidates"]) > 3  # it was felt
            held = {each["name"]: each["looked_at"] for each in report["promises"]}
            assert (held["answered"], held["private"]) == ("11 sorts", "27 attempts")

            # Nor is a certificate taken that nobody here knows, or one for another name.
            code, report, told = await simulate(address, "--duration", "5")
            assert (code, report) == (2, {})
            assert "is not trusted" in told
            code, report, told = await simulate(
                f"https://127.0.0.1:{front.port}", "--duration", "5", SSL_CERT_FILE=str(trusted)
            )
            assert (code, report) == (2, {})
            assert "certificate is not valid for '127.0.0.1'" in told
