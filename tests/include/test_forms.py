"""The sample forms: the same every time, and the truth is what stands on them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from include.demo.forms import digest_of, main, make_forms
from include.form_fields import JOB_APPLICATION


def test_the_same_seed_makes_the_same_bytes() -> None:
    assert make_forms(3, seed=5) == make_forms(3, seed=5)


def test_more_forms_leave_the_first_ones_as_they_were() -> None:
    assert make_forms(4, seed=5)[:2] == make_forms(2, seed=5)


def test_another_seed_makes_other_forms() -> None:
    first, second = make_forms(1, seed=5), make_forms(1, seed=6)
    assert first[0].truth != second[0].truth
    assert digest_of(first) != digest_of(second)


def test_every_field_of_the_form_type_has_a_truth() -> None:
    names = [field.name for field in JOB_APPLICATION.fields]
    for form in make_forms(12):
        assert list(form.truth) == names
        assert all(value == value.strip() != "" for value in form.truth.values())


@pytest.mark.parametrize("count", [0, -1, 501])
def test_a_count_out_of_range_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"count: {count} forms were asked for; it can be 1 to 500"):
        make_forms(count)


def test_the_command_writes_images_and_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "new"), "--count", "2", "--seed", "5"]) == 0
    truth = json.loads((tmp_path / "new" / "truth.json").read_text())
    for form in make_forms(2, seed=5):
        assert (tmp_path / "new" / form.file_name).read_bytes() == form.image
        assert truth[form.file_name] == form.truth
    assert "2 forms and truth.json written" in capsys.readouterr().out


def test_the_command_tells_a_wrong_count_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), "--count", "0"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
