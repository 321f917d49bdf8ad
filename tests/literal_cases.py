"""Literals in attributes, and what reading them gives, in the browser and in `template check`."""

from __future__ import annotations

from typing import Any

READABLE: list[tuple[str, Any]] = [
    ("['Cat', \"Dog\",]", ["Cat", "Dog"]),
    ("{ text: 'None' }", {"text": "None"}),
    ("[{name: \"a\", parentName: '', },]", [{"name": "a", "parentName": ""}]),
    ('{"a-b": [1, -2.5, +3, .5, 0x1F, 1e3]}', {"a-b": [1, -2.5, 3, 0.5, 31, 1000]}),
    ("[true, True, false, False, null, None]", [True, True, False, False, None, None]),
    ("`back\nticks`", "back\nticks"),
    (r"'it\'s \u00e9 \u{1F600} \x41 \n'", "it's é 😀 A \n"),
    ("/* why */ [1, // one\n 2]", [1, 2]),
    (" \ufeff{} ", {}),
    ("{a: {b: []}}", {"a": {"b": []}}),
]
UNREADABLE = [
    ("[1, 2", "expected a comma or ] at character 6, found the end"),
    ("['Cat'", "expected a comma or ] at character 7, found the end"),
    ("['Bob's']", "expected a comma or ] at character 7, found “s']”"),
    ("Cat, Dog", "expected a value at character 1, found “Cat, Dog”"),
    ("{a 1}", "expected a colon at character 4, found “1}”"),
    ("{: 1}", "expected a name at character 2, found “: 1}”"),
    ("'open", "expected a closing ' at character 6, found the end"),
    ("[] []", "expected the end at character 4, found “[]”"),
    (r"'\u12'", "expected hexadecimal digits at character 4, found “12'”"),
    ("", "expected a value at character 1, found the end"),
]
