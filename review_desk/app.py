"""The ASGI application: the AWS side, the portal and the health checks on one port."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Header
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from review_desk import __version__
from review_desk.api.routes import AwsSide
from review_desk.body_limit import BodyLimit
from review_desk.engine.errors import EngineError
from review_desk.portal import api as portal_api
from review_desk.portal import frame, pages
from review_desk.service import Service


def create_app(service: Service) -> FastAPI:
    """Build the application over one service, which it starts and stops."""

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
    )
    app.state.service = service
    app.add_middleware(BodyLimit, prefix="/portal/", most=portal_api.LARGEST_BODY)
    app.add_middleware(AwsSide, service=service)
    app.include_router(portal_api.router)
    app.include_router(frame.router)
    app.include_router(pages.router)
    app.add_exception_handler(portal_api.PortalError, portal_api.portal_error)
    app.add_exception_handler(EngineError, portal_api.engine_error)
    app.add_exception_handler(RequestValidationError, portal_api.invalid_request)
    app.add_exception_handler(SQLAlchemyError, portal_api.database_error)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz")
    def readyz() -> JSONResponse:
        try:
            with service.database.read() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return JSONResponse({"status": "the database does not answer"}, 503)
        return JSONResponse({"status": "ready"})

    @app.get("/metrics")
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
