"""How a route reaches the service that its application was built over."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from review_desk.service import Service


async def service_of(request: Request) -> Service:
    """Return the service that the application was built over."""
    service: Service = request.app.state.service
    return service


Desk = Annotated[Service, Depends(service_of)]
