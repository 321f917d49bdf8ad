"""The ASGI application: the AWS side, the portal and the health checks on one port."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated

from fastapi import FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from review_desk import __version__
from review_desk.api.errors import ApiError
from review_desk.api.routes import AwsSide
from review_desk.api.wire import error_response
from review_desk.body_limit import BodyLimit
from review_desk.engine.database import unavailability
from review_desk.engine.errors import EngineError
from review_desk.logs import note
from review_desk.portal import (
    admin,
    drawings,
    errors,
    frame,
    leads,
    oidc,
    pages,
    reports,
    sign_in,
    template_preferences,
)
from review_desk.portal import api as portal_api
from review_desk.portal.schema import describe_as_openapi
from review_desk.request_log import RequestLog
from review_desk.service import Service


def create_app(service: Service, *, access_log: bool = False) -> FastAPI:
    """Build the application over one service, which it starts and stops.

    :param access_log: log requests that went well, too.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        service.stop()

    app = FastAPI(
        title="Review Desk",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.openapi = partial(describe_as_openapi, app)  # type: ignore[method-assign]
    app.add_middleware(BodyLimit, prefix="/portal/", most=portal_api.LARGEST_BODY)
    app.add_middleware(AwsSide, service=service)
    app.add_middleware(RequestLog, access_log=access_log)
    app.state.password_gate = sign_in.password_gate()
    app.state.oidc_gate = oidc.oidc_gate()
    routers = (sign_in.router, oidc.router, portal_api.router, template_preferences.router, leads.router)
    for router in (*routers, reports.router, admin.router, frame.router, drawings.router, pages.router):
        app.include_router(router)
    app.add_exception_handler(errors.PortalError, errors.portal_error)
    app.add_exception_handler(EngineError, errors.engine_error)
    app.add_exception_handler(RequestValidationError, errors.invalid_request)
    app.add_exception_handler(SQLAlchemyError, errors.database_error)
    app.add_exception_handler(HTTPException, _http_error)

    @app.get("/healthz", include_in_schema=False)
    def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", include_in_schema=False)
    def readyz() -> JSONResponse:
        try:
            with service.database.read() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            note(detail=f"the database does not serve: {unavailability(error) or type(error).__name__}")
            return JSONResponse({"status": "the database does not answer"}, 503)
        return JSONResponse({"status": "ready"})

    @app.get("/metrics", include_in_schema=False)
    def metrics(authorization: Annotated[str, Header()] = "") -> Response:
        token = service.settings.metrics_token
        if not token:
            return Response(
                "Set REVIEW_DESK_METRICS_TOKEN to see metrics here.\n", 404, media_type="text/plain"
            )
        if not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            return Response("Send the metrics token as a bearer token.\n", 401, media_type="text/plain")
        return Response(service.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    return app


def _http_error(request: Request, error: Exception) -> Response:
    """Answer what no route takes in the words of the side it was meant for."""
    if request.scope["path"].startswith("/portal"):
        return errors.http_error(request, error)
    refusal = ApiError(
        "UnknownOperationException", f"There is no operation at {request.method} of this path."
    )
    note(error=refusal.code)
    headers, content = error_response(refusal, rest=True)
    return Response(content, refusal.status, headers, media_type="application/json")
