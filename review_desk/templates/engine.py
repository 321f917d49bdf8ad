"""Parsing and rendering."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from io import StringIO
from typing import Any, TextIO

from liquid import BlockNode, BoundTemplate, Environment, Mode, Node, RenderContext
from liquid.builtin.expressions.primitive import RangeLiteral, StringLiteral
from liquid.exceptions import (
    LiquidError,
    LocalNamespaceLimitError,
    LoopIterationLimitError,
    OutputStreamLimitError,
    ResourceLimitError,
    TemplateNotFoundError,
)
from liquid.expression import Expression

from review_desk.templates.filters import register
from review_desk.templates.limits import DEFAULT, Limits, TemplateError
from review_desk.templates.scan import line_of, scan
from review_desk.templates.values import weigh, wrap

GrantReadAccess = Callable[[str], str]


def render(
    content: str, task_input: object, *, grant_read_access: GrantReadAccess, limits: Limits = DEFAULT
) -> str:
    """Render a worker task template for one human loop.

    :param content: the template, at most 128,000 characters (A2I's UiTemplate.Content).
    :param task_input: the parsed InputContent; the template sees it as ``task.input``.
    :param grant_read_access: gives the address of an object; called with ``s3://bucket/key`` whichever of the
        two forms the template used. Its ValueError is an error of the template, anything else it raises
        comes out as it is.
    :param limits: what the rendering may use up.
    :raises TemplateError: for a syntax error, an unknown filter, a bad S3 URI, a limit that was reached.
    """
    template = _parse(content)
    with _as_template_error(content):
        values = {"task": {"input": wrap(task_input)}}
    context = TaskContext(template, globals=template.make_globals(values))
    context.begin(grant_read_access, limits)
    buffer = _LimitedBuffer(limits.output_chars)
    try:
        with _as_template_error(content):
            template.render_with_context(context, buffer)
    except TemplateError as error:
        if context.grant_failure is not None:
            raise context.grant_failure from error
        raise
    return buffer.getvalue()


def check(content: str) -> list[str]:
    """Return what would stop this template from rendering with any input, each as ``line 3: …``."""
    return [problem.where_and_cause for problem in problems(content)]


def problems(content: str) -> list[TemplateError]:
    """Return what would stop this template from rendering with any input, by line.

    Looks at syntax and at the names of filters; the parser stops at the first syntax error.
    """
    try:
        template = _parse(content)
    except TemplateError as error:
        return [error]
    unknown = []
    with _as_template_error(content):
        used = template.analyze(include_partials=False).filters
        for name, spans in used.items():
            if name not in _ENVIRONMENT.filters:
                unknown += [(span.index, f"unknown filter '{name}'") for span in spans]
    return [TemplateError(cause, line_of(content, start)) for start, cause in sorted(unknown)]


class TaskContext(RenderContext):
    """A render context that counts what a template uses up.

    The library's own limits are attributes of the environment's class and count each loop for itself; these
    belong to one rendering, and a template of many small loops reaches them too.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.grant: GrantReadAccess = _no_access
        self.grant_failure: Exception | None = None
        self.limits = DEFAULT
        self._disabled_tags: list[str] = []
        self._deadline = time.monotonic() + DEFAULT.seconds
        self._iterations = 0
        self._weights: dict[str, int] = {}
        super().__init__(*args, **kwargs)

    def begin(self, grant: GrantReadAccess, limits: Limits) -> None:
        """Set what this rendering may do; its time begins."""
        self.grant = grant
        self.limits = limits
        self._deadline = time.monotonic() + limits.seconds

    def tick(self) -> None:
        """Stop the rendering when its time is over."""
        if time.monotonic() > self._deadline:
            raise ResourceLimitError(f"rendering took longer than {self.limits.seconds:g} s", token=None)

    @property
    def disabled_tags(self) -> list[str]:
        """Tags not allowed here. Every node asks before it renders, which makes this the place to tick."""
        self.tick()
        return self._disabled_tags

    @disabled_tags.setter
    def disabled_tags(self, tags: list[str]) -> None:
        self._disabled_tags = tags

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """Add the iterations of a loop that begins."""
        self._iterations += length
        if self._iterations > self.limits.loop_iterations:
            raise LoopIterationLimitError(
                f"more than {self.limits.loop_iterations} loop iterations", token=None
            )

    def assign(self, key: str, val: Any) -> None:
        """Set a local variable."""
        self.locals[key] = val
        self._weights[key] = weigh(val)
        if sum(self._weights.values()) > self.limits.local_chars:
            raise LocalNamespaceLimitError(
                f"variables of more than {self.limits.local_chars} characters", token=None
            )

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        """Return a buffer for a part of the page."""
        return _LimitedBuffer(min(self.limits.value_chars, self.limits.output_chars))


class _LimitedBuffer(StringIO):
    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._size = 0

    def write(self, text: str, /) -> int:
        self._size += len(text)
        if self._size > self._limit:
            raise OutputStreamLimitError(f"output of more than {self._limit} characters", token=None)
        return super().write(text)


class _EscapedString(StringLiteral):
    """A string of the template that is escaped like everything printed, as A2I does."""

    __slots__ = ()

    def evaluate(self, _: RenderContext) -> str:
        return self.value


class _BoundedRange(RangeLiteral):
    """A range that is refused before anything walks through it."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> range:
        made = super().evaluate(context)
        limit = context.limits.list_items if isinstance(context, TaskContext) else DEFAULT.list_items
        # `len` of a range of more than sys.maxsize items raises OverflowError.
        if made.stop - made.start > limit:
            raise ResourceLimitError(
                f"a range of {made.stop - made.start} items, the limit is {limit}", token=self.token
            )
        return made


def _no_access(uri: str) -> str:
    raise ValueError(f"no access to {uri}")


def _make_environment() -> Environment:
    environment = Environment(tolerance=Mode.STRICT, strict_filters=True, autoescape=True)
    register(environment)
    return environment


_ENVIRONMENT = _make_environment()


@lru_cache(maxsize=64)
def _parse(content: str) -> BoundTemplate:
    scan(content)
    with _as_template_error(content):
        template = _ENVIRONMENT.from_string(content)
        for node in template.nodes:
            _adapt_node(node)
    return template


def _adapt_node(node: Node) -> None:
    for expression in node.expressions():
        _adapt_expression(expression)
    for child in node.children(_STATIC_CONTEXT, include_partials=False):
        _adapt_node(child)


def _adapt_expression(expression: Expression) -> None:
    kind = type(expression)
    if kind is StringLiteral:
        expression.__class__ = _EscapedString
    elif kind is RangeLiteral:
        expression.__class__ = _BoundedRange
    for child in expression.children():
        _adapt_expression(child)


_STATIC_CONTEXT = RenderContext(_ENVIRONMENT.from_string(""))


@contextmanager
def _as_template_error(content: str) -> Iterator[None]:
    """Turn whatever parsing or rendering raises into one TemplateError with its line."""
    try:
        yield
    except TemplateError:
        raise
    except Exception as error:
        raise TemplateError(_cause(error), _line(error, content)) from error


def _cause(error: Exception) -> str:
    nested = error.__cause__
    if isinstance(error, LiquidError) and isinstance(nested, RecursionError):
        return "the markup is nested too deeply"
    if isinstance(error, TemplateNotFoundError):
        return f"'include' and 'render' have no templates to load: '{error.message}'"
    if isinstance(error, LiquidError):
        return str(error.message)
    if isinstance(error, RecursionError):
        return "the markup is nested too deeply"
    if isinstance(error, MemoryError):
        return "the template needs too much memory"
    return str(error) or type(error).__name__


def _line(error: Exception, content: str) -> int | None:
    token = error.token if isinstance(error, LiquidError) else None
    if isinstance(error, LiquidError) and token and token.start_index < 0 and "expected tag" in _cause(error):
        return line_of(content, len(content))
    # An error without a place gets that of the outermost tag around it; the node that was rendered is nearer.
    place = max(_rendered_place(error), token.start_index if token else -1)
    return line_of(content, place) if place >= 0 else None


def _rendered_place(error: Exception) -> int:
    """Return where the innermost node stands whose rendering was under way, or -1."""
    place, traceback = -1, error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_name == "render":
            node = traceback.tb_frame.f_locals.get("self")
            # The place of a block is its end.
            if isinstance(node, Node) and not isinstance(node, BlockNode):
                place = node.token.start_index
        traceback = traceback.tb_next
    return place
