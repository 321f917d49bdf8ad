"""What worker task templates keep for a worker, over the portal's JSON API: the portal's page asks in their place."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
)

from review_desk.portal.authorization import WorkerSession
from review_desk.portal.desk import Desk
from review_desk.portal.models import FLOW_DEFINITION_ARN
from review_desk.portal.schema import ACTING, SIGNED_IN, answers
from review_desk.strict_json import scalar_text

router = APIRouter(prefix="/portal/api")

Value = StrictBool | StrictInt | StrictFloat | StrictStr


class ChangedTemplatePreferences(BaseModel):
    """Values by name; null forgets one."""

    model_config = ConfigDict(extra="forbid")

    flow_definition: Annotated[str, Field(pattern=FLOW_DEFINITION_ARN)]
    changes: Annotated[dict[str, Value | None], BeforeValidator(scalar_text)]


class FlowPreferencesAnswer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    preferences: dict[str, bool | int | float | str]


class TemplatePreferencesAnswer(BaseModel):
    """By the ARN of a flow definition."""

    model_config = ConfigDict(extra="forbid")

    flow_definitions: dict[str, dict[str, bool | int | float | str]]


@router.get("/template-preferences", responses=answers(TemplatePreferencesAnswer, *SIGNED_IN))
def template_preferences(desk: Desk, session: WorkerSession) -> dict[str, Any]:
    return {"flow_definitions": desk.template_preferences.of(session.worker_id)}


@router.patch("/template-preferences", responses=answers(FlowPreferencesAnswer, *ACTING, 404))
def change_template_preferences(
    desk: Desk, session: WorkerSession, changed: ChangedTemplatePreferences
) -> dict[str, Any]:
    kept = desk.template_preferences.change(session.worker_id, changed.flow_definition, changed.changes)
    return {"preferences": kept}


@router.delete("/template-preferences", status_code=204, responses=answers(None, 401, 403))
def forget_template_preferences(desk: Desk, session: WorkerSession) -> None:
    desk.template_preferences.forget(session.worker_id)
