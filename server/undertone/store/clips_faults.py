"""What buckets answer when they don't do what was asked, and what would help whoever set them up.

`obstore` tells the vendor's answer in the text of its errors alone. The codes are the vendors':
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (Error responses),
https://cloud.google.com/storage/docs/xml-api/reference-status (HTTP status and error codes for XML),
https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes (Blob Storage error codes).
"""

from __future__ import annotations

import re
from typing import Final

# The object itself is not there, and the bucket is.
OBJECT_MISSING: Final = frozenset({"NoSuchKey", "BlobNotFound"})

_BUCKET_MISSING: Final = frozenset({"NoSuchBucket", "InvalidBucketName", "ContainerNotFound", "InvalidResourceName"})
_WRONG_KEY: Final = frozenset(
    {
        *("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "InvalidSecurity"),
        *("AuthenticationRequired", "AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation"),
    }
)
_WRONG_REGION: Final = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraint"})
_WRONG_CLOCK: Final = frozenset({"RequestTimeTooSkewed"})
# Where vendors' machines ask for their own credentials; who runs elsewhere has none.
_METADATA: Final = re.compile(r"169\.254\.16[0-9]\.[0-9]+|metadata\.google\.internal")
# Too busy, too slow, too early, two at once: the same again may well succeed.
_PASSES: Final = frozenset({408, 409, 425, 429})

_CREDENTIALS: Final = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS (a service account's file)",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
_RIGHTS: Final = {
    "s3": "s3:PutObject, s3:GetObject and s3:DeleteObject on its objects, s3:ListBucket on the bucket",
    "gs": "the role Storage Object User (roles/storage.objectUser)",
    "az": "the role Storage Blob Data Contributor",
}

# Azure is asked to delete by the batch, and what a batch says of one object has no document.
_NOTHING_TO_DELETE: Final = "The specified blob does not exist. (code: 404)"
_STATUS: Final = re.compile(r"status code: ([0-9]{3})")
_CODE: Final = re.compile(r"<Code>([A-Za-z0-9]{1,60})</Code>")
_MESSAGE: Final = re.compile(r"<Message>([^<\n]{1,200})")
_CONNECT: Final = re.compile(r"kind: (?:Connect|Timeout)")
# A signature may stand in a query; how long it took and how often it was tried helps nobody.
_QUERY: Final = re.compile(r"\?[^\s<]*")
_TOOK: Final = re.compile(r" in [0-9.]+[µa-z]+(?:, after [0-9]+ retries, max_retries: [0-9]+, retry_timeout: \S+ *)?")


class Refusal(Exception):
    """An error of `obstore` in one line, for our own log: it names the object, and no credential."""

    def __init__(self, error: BaseException) -> None:
        text = str(error)
        status, code, message = (pattern.search(text) for pattern in (_STATUS, _CODE, _MESSAGE))
        nothing_to_delete = _NOTHING_TO_DELETE in text
        self.status: Final = 404 if nothing_to_delete else int(status[1]) if status else 0
        self.code: Final = "BlobNotFound" if nothing_to_delete else code[1] if code else ""
        self.unreachable: Final = _CONNECT.search(text) is not None
        self.metadata: Final = _METADATA.search(text) is not None
        line = text.partition("\n\nDebug source")[0].partition("<")[0].replace("\n", " ")
        line = _TOOK.sub("", _QUERY.sub("", line)).strip(" :")
        told = ": ".join(part for part in (self.code, message[1] if message else "") if part)
        super().__init__(f"{line[:300]}: {told}" if told else line[:300])

    @property
    def kind(self) -> str:
        """In a word or two, for peers."""
        return self.code or (
            f"status {self.status}" if self.status else "no connection" if self.unreachable else "error"
        )


def advice(said: Refusal, scheme: str, url: str) -> str | None:
    """What would be right; None where waiting may help: the store is away, or too busy."""
    if said.metadata or "must be specified" in str(said):
        return f"no credentials were found: set {_CREDENTIALS[scheme]}, or run where the machine has a role"
    if said.code in _BUCKET_MISSING:
        return f"there is no such bucket: make it, or name another one in UNDERTONE_CLIPS={url}"
    if said.code in _WRONG_KEY or said.status == 401:
        return f"the credentials are not accepted: look at {_CREDENTIALS[scheme]}"
    if said.code in _WRONG_REGION or "redirect" in str(said):
        return "the bucket is in another region: set AWS_REGION"
    if said.code in _WRONG_CLOCK:
        return "this machine's clock is wrong: set it"
    if said.status == 403:
        return f"the credentials are known and may not do this: they need {_RIGHTS[scheme]}"
    if 400 <= said.status < 500 and said.status not in _PASSES:
        return "the service answers, and not as a clip store does: look at UNDERTONE_CLIPS and UNDERTONE_CLIPS_ENDPOINT"
    return None
