"""Pages of a list: by position after the last row shown, so that rows that come meanwhile shift nothing."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, and_, or_
from sqlalchemy.sql import Select

from review_desk import strict_json
from review_desk.engine.errors import InvalidError
from review_desk.engine.tables import Timestamp

DEFAULT_PAGE_SIZE = 100
LARGEST_IDENT = 2**63 - 1
NAME = re.compile(r"[\w.-]{1,256}", re.ASCII)


@dataclass(frozen=True)
class PageRequest:
    """Which page of a list is wanted.

    :param created_after: inclusive, as the SageMaker API's lists have it.
    :param created_before: exclusive.
    :param token: the ``NextToken`` of the page before.
    """

    created_after: datetime | None = None
    created_before: datetime | None = None
    ascending: bool = False
    token: str | None = None
    limit: int = DEFAULT_PAGE_SIZE


@dataclass(frozen=True)
class Page:
    """Rows of a list, and the token of the next page if there is one."""

    rows: list[Row[Any]]
    next_token: str | None


def fetch_page(
    connection: Connection,
    statement: Select[Any],
    request: PageRequest,
    *,
    sort: Column[Any],
    ident: Column[Any],
    created: Column[Any],
) -> Page:
    """Run a list's statement for one page.

    :param sort: what the list is ordered by, a time or a text; ``ident`` decides between equals.
    :param created: what ``created_after`` and ``created_before`` look at.
    :raises InvalidError: a token that no page returned.
    """
    if request.created_after:
        statement = statement.where(created >= request.created_after)
    if request.created_before:
        statement = statement.where(created < request.created_before)
    if request.token:
        statement = statement.where(_beyond(request, sort, ident))
    order = (sort.asc(), ident.asc()) if request.ascending else (sort.desc(), ident.desc())
    rows = list(connection.execute(statement.order_by(*order).limit(request.limit + 1)).all())
    if len(rows) <= request.limit:
        return Page(rows, None)
    last = rows[request.limit - 1]
    return Page(rows[: request.limit], _encode(getattr(last, sort.name), getattr(last, ident.name)))


def _beyond(request: PageRequest, sort: Column[Any], ident: Column[Any]) -> ColumnElement[bool]:
    value, last = _decode(request.token or "", sort)
    if request.ascending:
        return or_(sort > value, and_(sort == value, ident > last))
    return or_(sort < value, and_(sort == value, ident < last))


def _encode(value: datetime | str, ident: int) -> str:
    plain = round(value.timestamp() * 1000) if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(json.dumps([plain, ident]).encode()).decode()


def _decode(token: str, sort: Column[Any]) -> tuple[datetime | str, int]:
    try:
        plain, ident = strict_json.parse(base64.urlsafe_b64decode(token.encode()))
        value = datetime.fromtimestamp(plain / 1000, UTC) if isinstance(sort.type, Timestamp) else plain
        if not isinstance(value, datetime) and not NAME.fullmatch(value):
            raise ValueError(token)
        if type(ident) is not int or abs(ident) > LARGEST_IDENT:
            raise ValueError(token)
    except (ValueError, TypeError, ArithmeticError, OSError) as error:
        raise InvalidError("NextToken is not one that this list returned.") from error
    return value, ident
