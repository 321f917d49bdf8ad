"""The operations that are served, by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from review_desk.api import control_plane, runtime
from review_desk.api.errors import ApiError
from review_desk.engine.arns import Scope
from review_desk.engine.errors import (
    ConflictError,
    EngineError,
    InUseError,
    InvalidError,
    NotFoundError,
    QuotaError,
)
from review_desk.service import Service

Parameters = dict[str, Any]
Operation = Callable[[Service, Scope, Parameters], Parameters]

RUNTIME_OPERATIONS = (
    "StartHumanLoop",
    "DescribeHumanLoop",
    "ListHumanLoops",
    "StopHumanLoop",
    "DeleteHumanLoop",
)
CONTROL_PLANE_OPERATIONS = (
    "CreateHumanTaskUi",
    "DescribeHumanTaskUi",
    "ListHumanTaskUis",
    "DeleteHumanTaskUi",
    "RenderUiTemplate",
    "CreateFlowDefinition",
    "DescribeFlowDefinition",
    "ListFlowDefinitions",
    "DeleteFlowDefinition",
    "CreateWorkteam",
    "DescribeWorkteam",
    "ListWorkteams",
    "UpdateWorkteam",
    "DeleteWorkteam",
    "DescribeWorkforce",
    "ListWorkforces",
    "AddTags",
    "ListTags",
    "DeleteTags",
)


def _function(module: object, name: str) -> Operation:
    """Find the function of an operation: ``StartHumanLoop`` is ``start_human_loop``."""
    function: Operation = getattr(module, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    return function


OPERATIONS: dict[str, Operation] = {
    **{name: _function(runtime, name) for name in RUNTIME_OPERATIONS},
    **{name: _function(control_plane, name) for name in CONTROL_PLANE_OPERATIONS},
}


def call(service: Service, scope: Scope, name: str, parameters: Parameters) -> Parameters:
    """Carry out an operation that is served, by its name.

    :raises ApiError: the engine's refusal as this API's error.
    """
    try:
        return OPERATIONS[name](service, scope, parameters)
    except EngineError as error:
        raise ApiError(_code(error, runtime=name in RUNTIME_OPERATIONS), str(error)) from error


def _code(error: EngineError, *, runtime: bool) -> str:
    if isinstance(error, NotFoundError):
        return "ResourceNotFoundException" if runtime else "ResourceNotFound"
    if isinstance(error, ConflictError):
        return "ConflictException"
    if isinstance(error, QuotaError):
        return "ServiceQuotaExceededException"
    if isinstance(error, InUseError):
        return "ResourceInUse"
    if isinstance(error, InvalidError):
        return "ValidationException"
    raise error
