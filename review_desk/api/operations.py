"""The operations that are served, by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from review_desk.api import control_plane, runtime
from review_desk.api.errors import ApiError
from review_desk.api.models import CONTROL_PLANE, RUNTIME, service_model
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
        raise refusal(error, name) from error


def refusal(error: EngineError, name: str) -> ApiError:
    """Return the engine's refusal as the error that the operation's model has for it."""
    return ApiError(_code(error, name), str(error))


CODES: dict[type[EngineError], tuple[str, ...]] = {
    NotFoundError: ("ResourceNotFoundException", "ResourceNotFound"),
    ConflictError: ("ConflictException",),
    QuotaError: ("ServiceQuotaExceededException", "ResourceLimitExceeded"),
    InUseError: ("ResourceInUse", "ResourceLimitExceeded"),
    InvalidError: (),
}
"""What an operation's model may call an error, the most fitting first."""


def _code(error: EngineError, name: str) -> str:
    """Choose the error's code among those of the operation's model, so that clients have a type for it.

    Without one it is a ValidationException: so AWS answers for a work team that is not there.
    """
    modelled = modelled_errors(name)
    return next((code for code in CODES[type(error)] if code in modelled), "ValidationException")


@cache
def modelled_errors(name: str) -> frozenset[str]:
    """Return the error codes in the model of a served operation."""
    model = service_model(RUNTIME if name in RUNTIME_OPERATIONS else CONTROL_PLANE)
    return frozenset(shape.name for shape in model.operation_model(name).error_shapes)
