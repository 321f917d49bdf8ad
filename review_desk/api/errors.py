"""Errors as AWS sends them."""

from __future__ import annotations

LONGEST_MESSAGE = 1024


class ApiError(Exception):
    """An error answer.

    :param code: the AWS error code, such as ``ValidationException``.
    :param message: one line for the sender; cut at 1024 characters, as the models have it.
    :param detail: for the log, without values of the request: which fields broke which rules.
    """

    STATUS = {
        "ValidationException": 400,
        "ServiceQuotaExceededException": 402,
        "ResourceNotFoundException": 404,
        "ConflictException": 409,
        "ThrottlingException": 429,
        "InternalServerException": 500,
        "ResourceInUse": 400,
        "ResourceLimitExceeded": 400,
        "ResourceNotFound": 400,
        "AccessDeniedException": 403,
        "IncompleteSignatureException": 400,
        "InvalidSignatureException": 403,
        "MissingAuthenticationTokenException": 403,
        "UnrecognizedClientException": 403,
        "UnknownOperationException": 404,
        "SerializationException": 400,
        "RequestEntityTooLargeException": 413,
    }

    def __init__(self, code: str, message: str, detail: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.detail = detail
        self.message = message[:LONGEST_MESSAGE]
        self.status = self.STATUS[code]
