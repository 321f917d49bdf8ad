"""Liquid rendering of worker task templates, as Amazon A2I does it, with limits for hostile templates."""

from review_desk.templates.engine import check, problems, render
from review_desk.templates.grid import grid_size
from review_desk.templates.limits import DEFAULT, Limits, TemplateError
from review_desk.templates.localise import AWS_ORIGIN, AWS_SCRIPT_URL, localise

__all__ = [
    "AWS_ORIGIN",
    "AWS_SCRIPT_URL",
    "DEFAULT",
    "Limits",
    "TemplateError",
    "check",
    "grid_size",
    "localise",
    "problems",
    "render",
]
