"""What stands on a form: the one definition that makers, the OCR and the Dag share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FormField:
    """One field: the name in data and the label printed on the paper."""

    name: str
    label: str


@dataclass(frozen=True)
class FormType:
    """A kind of form; ``fields`` are in reading order and their names and labels are unique."""

    name: str
    title: str
    fields: tuple[FormField, ...]


JOB_APPLICATION = FormType(
    name="job-application",
    title="Job application",
    fields=(
        FormField("first_name", "First name"),
        FormField("last_name", "Last name"),
        FormField("date_of_birth", "Date of birth"),
        FormField("applicant_id", "Applicant ID"),
        FormField("email", "E-mail"),
        FormField("phone", "Phone"),
        FormField("street", "Street address"),
        FormField("city", "City"),
        FormField("postal_code", "Postal code"),
        FormField("position", "Position applied for"),
        FormField("salary", "Expected salary (USD)"),
        FormField("start_date", "Available from"),
    ),
)
