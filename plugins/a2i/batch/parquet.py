"""Results as Parquet, written while they come. pyarrow is only loaded here, and only when it is asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from a2i.batch.results import COLUMNS, Column
from a2i.batch.storage import ObjectStore
from a2i.exceptions import A2IUserError

#: Rows of a row group, and characters of JSON after which one is ended early.
_GROUP_ROWS: Final = 10_000
_GROUP_CHARACTERS: Final = 8 * 1024 * 1024


def load_pyarrow() -> Any:
    """Return the modules of pyarrow that are used.

    :raises A2IUserError: if it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise A2IUserError(
            "parquet_uri needs pyarrow: install 'airflow-provider-a2i[parquet]' where workers run, or leave "
            "parquet_uri out."
        ) from None
    return pyarrow


def parquet_schema(pyarrow: Any, columns: Sequence[Column] = COLUMNS) -> Any:
    """Return the results' schema; JSON values of any form are text."""
    return pyarrow.schema([(column.name, _type(pyarrow, column)) for column in columns])


def _type(pyarrow: Any, column: Column) -> Any:
    if column.kind in ("record", "records"):
        record = pyarrow.struct([(inner.name, _type(pyarrow, inner)) for inner in column.of])
        return record if column.kind == "record" else pyarrow.list_(record)
    return {
        "text": pyarrow.string(),
        "json": pyarrow.string(),
        "boolean": pyarrow.bool_(),
        "number": pyarrow.float64(),
        "texts": pyarrow.list_(pyarrow.string()),
    }[column.kind]


def _cell(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.kind == "json":
        return json.dumps(value, ensure_ascii=False)
    if column.kind == "record":
        return _record(column.of, value)
    if column.kind == "records":
        return [_record(column.of, item) for item in value]
    return value


def _record(columns: Sequence[Column], value: Mapping[str, Any]) -> dict[str, Any]:
    return {column.name: _cell(column, value.get(column.name)) for column in columns}


class _Sink:
    """A file for pyarrow to write to, whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self.closed = False
        self._buffer = bytearray()
        self._position = 0

    def write(self, content: Any) -> int:
        data = bytes(content)
        self._buffer += data
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken = bytes(self._buffer)
        self._buffer.clear()
        return taken


class ParquetResults:
    """Writes rows of results to one Parquet object; a row group at a time is in memory.

    :raises A2IUserError: if pyarrow is not installed.
    """

    def __init__(self, store: ObjectStore, uri: str) -> None:
        self._pyarrow = load_pyarrow()
        self._schema = parquet_schema(self._pyarrow)
        self._object = store.object_writer(uri, "application/vnd.apache.parquet")
        self._sink = _Sink()
        self._file = self._pyarrow.parquet.ParquetWriter(self._sink, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []
        self._characters = 0

    async def __aenter__(self) -> Self:
        await self._object.__aenter__()
        return self

    async def write(self, row: Mapping[str, Any]) -> None:
        """Add a row."""
        cells = _record(COLUMNS, row)
        self._rows.append(cells)
        self._characters += _characters(cells)
        if len(self._rows) >= _GROUP_ROWS or self._characters >= _GROUP_CHARACTERS:
            await self._end_group()

    async def _end_group(self) -> None:
        rows, self._rows, self._characters = self._rows, [], 0
        # Compressing megabytes would hold up the requests under way.
        await asyncio.to_thread(self._write_group, rows)
        await self._object.add(self._sink.take())

    def _write_group(self, rows: list[dict[str, Any]]) -> None:
        self._file.write_table(self._pyarrow.Table.from_pylist(rows, schema=self._schema))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            if self._rows:
                await self._end_group()
            self._file.close()
            await self._object.add(self._sink.take())
        await self._object.__aexit__(kind, error, trace)


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_characters, value.values()))
    if isinstance(value, list):
        return sum(map(_characters, value))
    return 1
