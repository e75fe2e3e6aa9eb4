"""Google's and Azure's stores, as far as they go without a server of theirs: addresses, credentials, links, advice.

Google's is in tests/store/test_clips.py too, in its dialect of the stand-in.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from undertone.store.clips import WrongStore, clip_object
from undertone.store.clips_cloud import CloudClips
from undertone.store.clips_faults import OBJECT_MISSING, Refusal, advice

pytestmark = pytest.mark.anyio

NAME: Final = clip_object("exam", "ann-1-0-00")


async def test_azure_signs_links_for_reading_one_blob(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "school")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", base64.b64encode(b"key").decode())
    link = urlsplit(await CloudClips("az://exams/autumn").link(NAME, 300) or "")
    assert f"{link.scheme}://{link.netloc}{link.path}" == f"https://school.blob.core.windows.net/exams/autumn/{NAME}"
    said = parse_qs(link.query)
    assert (said["sp"], said["sr"]) == (["r"], ["b"])
    assert "sig" in said


async def test_azure_without_an_account_is_told_which_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(WrongStore, match="set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"):
        CloudClips("az://exams/autumn")


async def test_google_signs_links_with_a_service_accounts_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    account = {
        "type": "service_account",
        "client_email": "undertone@school.iam.gserviceaccount.com",
        "private_key_id": "1",
        "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    }
    (tmp_path / "account.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
    link = urlsplit(await CloudClips("gs://exams/autumn").link(NAME, 300) or "")
    assert (link.netloc, link.path) == ("storage.googleapis.com", f"/exams/autumn/{NAME}")
    said = parse_qs(link.query)
    assert said["X-Goog-Expires"] == ["300"]
    assert said["X-Goog-Credential"][0].startswith(account["client_email"])


async def test_google_with_a_file_that_is_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(WrongStore, match=r"clips can't be kept in gs://exams: .*missing\.json"):
        CloudClips("gs://exams")


@pytest.mark.parametrize(
    ("scheme", "status", "code", "right"),
    [
        ("gs", 404, "NoSuchBucket", "there is no such bucket"),
        ("az", 404, "ContainerNotFound", "there is no such bucket"),
        ("gs", 403, "AccessDenied", "roles/storage.objectUser"),
        ("az", 403, "AuthorizationPermissionMismatch", "Storage Blob Data Contributor"),
        ("az", 403, "AuthenticationFailed", "AZURE_STORAGE_ACCOUNT_KEY"),
        ("gs", 401, "AuthenticationRequired", "GOOGLE_APPLICATION_CREDENTIALS"),
        ("gs", 429, "TooManyRequests", None),
        ("az", 503, "ServerBusy", None),
    ],
)
def test_their_refusals_are_understood(scheme: str, status: int, code: str, right: str | None) -> None:
    """As obstore tells them: the vendor's document behind the status."""
    text = (
        f"Object at location x failed: Error performing PUT https://there.example/exams/x?sig=secret in 2.1ms, after 2 "
        f"retries, max_retries: 2, retry_timeout: 10s  - Server returned non-2xx status code: {status} No: <?xml "
        f"version='1.0'?><Error><Code>{code}</Code><Message>because</Message></Error>\n\nDebug source:\nGeneric {{…}}"
    )
    said = Refusal(Exception(text))
    told = advice(said, scheme, f"{scheme}://exams")
    assert (right in told) if right and told else told is right
    assert str(said).endswith(f"status code: {status} No: {code}: because")
    assert "secret" not in str(said)
    assert "retries" not in str(said)


def test_a_blob_that_azure_did_not_have_to_delete_is_missing() -> None:
    """As obstore tells what a batch says; Azurite 3.37 answers so."""
    text = (
        "Object at location autumn/clips/m/b.mp3 not found: Bulk delete request failed for key autumn/clips/m/b.mp3: "
        "The specified blob does not exist. (code: 404)\n\nDebug source:\nNotFound {…}"
    )
    said = Refusal(FileNotFoundError(text))
    assert said.status == 404
    assert said.code in OBJECT_MISSING
    of_the_container = Refusal(FileNotFoundError(text.replace("blob does", "container does")))
    assert of_the_container.code not in OBJECT_MISSING


@pytest.mark.parametrize("host", ["169.254.169.254/latest/api/token", "metadata.google.internal/computeMetadata/v1"])
def test_who_has_no_credentials_is_told_where_they_come_from(host: str) -> None:
    said = Refusal(
        Exception(f"Generic error: Error performing PUT http://{host} in 3s - HTTP error: request timed out")
    )
    assert (advice(said, "s3", "s3://exams") or "").startswith("no credentials were found: set AWS_ACCESS_KEY_ID")
