"""Choices, sliders, dialogs, tabs and messages: by mouse, by keyboard, and with drafts put back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from accessibility import grave_findings
from playwright.sync_api import Page, expect
from test_elements import Harness


@pytest.fixture
def harness(page: Page) -> Iterator[Harness]:
    return Harness(page)


def nothing_submitted(harness: Harness) -> bool:
    harness.tell("submit")
    harness.page.wait_for_timeout(200)
    return harness.messages("submit") == []


def checked(harness: Harness, selector: str) -> list[bool]:
    """What a template's script reads."""
    found: list[bool] = harness.frame.eval_on_selector_all(
        selector, "(elements) => elements.map((element) => element.checked)"
    )
    return found


def focused(harness: Harness) -> str:
    """The element with the focus, as the template sees it."""
    found: str = harness.frame.evaluate("document.activeElement.id || document.activeElement.localName")
    return found


def grave_problems(harness: Harness) -> list[str]:
    """What axe-core finds in the state that the page is in."""
    harness.frame.evaluate("Object.assign(document.documentElement, { lang: 'en' }); document.title = 'Task'")
    return grave_findings(harness.frame)


# Check boxes and toggles

CHOICES = """
<crowd-form>
  <crowd-{kind} name="quality" value="blurry">Blurry</crowd-{kind}>
  <crowd-{kind} name="quality" value="dim" checked>Dim</crowd-{kind}>
  <crowd-{kind} name="single">Single</crowd-{kind}>
  <fieldset disabled><crowd-{kind} name="off" checked>Off</crowd-{kind}></fieldset>
</crowd-form>
"""
BOTH = pytest.mark.parametrize("kind", ["checkbox", "toggle-button"])


@BOTH
def test_choices_of_one_name_make_one_answer(harness: Harness, kind: str) -> None:
    harness.show(CHOICES.replace("{kind}", kind))
    harness.frame.click("text=Blurry")
    harness.page.keyboard.press("Tab")
    harness.page.keyboard.press("Space")
    harness.page.keyboard.press("Tab")
    harness.page.keyboard.press("Space")
    harness.frame.click("text=Off", force=True)
    assert checked(harness, f"crowd-{kind}") == [True, False, True, True]
    assert harness.wait_for("change")["answer"]["quality"]["blurry"] is True
    harness.tell("submit")
    assert harness.submitted() == {"quality": {"blurry": True, "dim": False}, "single": {"on": True}}


@BOTH
def test_a_label_and_a_script_can_click_a_choice(harness: Harness, kind: str) -> None:
    harness.show(
        f"""<crowd-form><label for="a">First</label> <crowd-{kind} id="a" name="a"></crowd-{kind}>
        <label>Second <crowd-{kind} name="b"></crowd-{kind}></label>
        <crowd-{kind} id="c" name="c">Third</crowd-{kind}></crowd-form>"""
    )
    harness.frame.click("text=First")
    harness.frame.click("text=Second")
    harness.frame.evaluate("document.querySelector('#c').click()")
    assert checked(harness, f"crowd-{kind}") == [True, True, True]


@BOTH
def test_a_draft_of_choices_is_put_back(harness: Harness, kind: str) -> None:
    harness.show(CHOICES.replace("{kind}", kind))
    draft = {"quality": {"blurry": True, "dim": False}, "single": {"on": True}}
    harness.tell("draft", answer=draft)
    harness.tell("submit")
    assert harness.submitted() == draft


@BOTH
def test_a_form_reset_puts_choices_back(harness: Harness, kind: str) -> None:
    harness.show(CHOICES.replace("{kind}", kind))
    harness.frame.click("text=Blurry")
    harness.frame.click("text=Dim")
    harness.frame.evaluate("document.querySelector('crowd-form').reset()")
    assert checked(harness, f"crowd-{kind}") == [False, True, False, True]
    harness.frame.wait_for_function(
        "document.querySelector('[value=dim]').shadowRoot.querySelector('input').checked"
    )


@BOTH
def test_a_required_choice_stops_the_submit(harness: Harness, kind: str) -> None:
    harness.show(f'<crowd-form><crowd-{kind} name="a" required>I agree</crowd-{kind}></crowd-form>')
    assert nothing_submitted(harness)
    expect(harness.frame.locator(f"crowd-{kind} .error")).to_contain_text("to go on")
    assert focused(harness) == f"crowd-{kind}"
    harness.page.keyboard.press("Space")
    harness.tell("submit")
    assert harness.submitted() == {"a": {"on": True}}
    assert harness.frame.locator(".error").count() == 0


def test_a_toggle_is_a_switch_and_says_when_it_is_invalid(harness: Harness) -> None:
    harness.show('<crowd-form><crowd-toggle-button name="a" invalid>Wrong</crowd-toggle-button></crowd-form>')
    switch = harness.frame.get_by_role("switch", name="Wrong")
    assert switch.get_attribute("aria-invalid") == "true"
    switch.click()
    expect(switch).not_to_have_attribute("aria-invalid", "true")


# Radio buttons

RADIOS = """
<crowd-form>
  <input id="before">
  <crowd-radio-group>
    <crowd-radio-button name="tech" value="tech" id="tech">Technology</crowd-radio-button>
    <div><crowd-radio-button name="politics" value="politics" id="politics">Politics</crowd-radio-button></div>
    <crowd-radio-button name="none" id="none" disabled>None</crowd-radio-button>
    <crowd-radio-button name="sports" value="sports" id="sports">Sports</crowd-radio-button>
  </crowd-radio-group>
  <input id="after">
</crowd-form>
"""


def radios(tech: bool = False, politics: bool = False, sports: bool = False) -> dict[str, Any]:
    return {"tech": {"tech": tech}, "politics": {"politics": politics}, "sports": {"sports": sports}}


def test_one_radio_button_of_a_group_is_checked(harness: Harness) -> None:
    harness.show(RADIOS)
    harness.frame.evaluate(
        "document.querySelector('crowd-form').addEventListener('change', (event) => (window.seen ??= []).push("
        "Array.from(document.querySelectorAll('crowd-radio-button'), (button) => button.checked)))"
    )
    harness.frame.click("text=Technology")
    harness.frame.click("text=Politics")
    harness.frame.click("text=Politics")
    assert harness.frame.evaluate("seen") == [[True, False, False, False], [False, True, False, False]]
    harness.frame.evaluate("document.querySelector('#sports').checked = true")
    assert checked(harness, "crowd-radio-button") == [False, False, False, True]
    harness.tell("submit")
    assert harness.submitted() == radios(sports=True)


def test_radio_buttons_by_keyboard(harness: Harness) -> None:
    harness.show(RADIOS)
    harness.frame.focus("#before")
    harness.page.keyboard.press("Tab")
    assert focused(harness) == "tech"
    assert not any(checked(harness, "crowd-radio-button"))
    seen = []
    for key in ("Space", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowUp", "ArrowLeft"):
        harness.page.keyboard.press(key)
        seen.append((focused(harness), checked(harness, "crowd-radio-button").index(True)))
    chosen = [("tech", 0), ("politics", 1), ("sports", 3), ("tech", 0), ("sports", 3), ("politics", 1)]
    assert seen == chosen
    harness.page.keyboard.press("Tab")
    assert focused(harness) == "after"
    harness.page.keyboard.press("Shift+Tab")
    assert focused(harness) == "politics"


def test_a_draft_and_a_reset_of_radio_buttons(harness: Harness) -> None:
    harness.show(RADIOS)
    harness.tell("draft", answer=radios(politics=True))
    harness.frame.wait_for_function("document.querySelector('#politics').checked")
    harness.frame.evaluate("document.querySelector('crowd-form').reset()")
    assert not any(checked(harness, "crowd-radio-button"))
    harness.tell("draft", answer=radios(tech=True))
    harness.tell("submit")
    assert harness.submitted() == radios(tech=True)


def test_radio_buttons_without_a_group_stand_for_themselves(harness: Harness) -> None:
    harness.show(
        """<crowd-form><crowd-radio-button name="a" value="x">First</crowd-radio-button>
        <crowd-radio-button name="a" value="y">Second</crowd-radio-button></crowd-form>"""
    )
    harness.frame.click("text=First")
    harness.frame.click("text=Second")
    assert checked(harness, "crowd-radio-button") == [True, True]
    harness.frame.click("text=First")
    harness.page.keyboard.press("Tab")
    harness.page.keyboard.press("Space")
    assert checked(harness, "crowd-radio-button") == [False, False]
    harness.page.keyboard.press("Space")
    harness.tell("submit")
    assert harness.submitted() == {"a": {"x": False, "y": True}}


# Sliders


def test_a_slider_answers_a_number(harness: Harness) -> None:
    harness.show(
        '<crowd-form><crowd-slider name="a" max="1" step="0.1" value="0.2" pin></crowd-slider></crowd-form>'
    )
    harness.tell("focus")
    harness.frame.wait_for_function("document.activeElement.localName === 'crowd-slider'")
    harness.page.keyboard.press("ArrowRight")
    assert harness.frame.locator("crowd-slider output").text_content() == "0.3"
    assert harness.frame.evaluate("document.querySelector('crowd-slider').value") == 0.3
    assert harness.wait_for("change")["answer"] == {"a": 0.3}
    harness.frame.evaluate("document.querySelector('crowd-form').reset()")
    assert harness.frame.evaluate("document.querySelector('crowd-slider').value") == 0.2
    harness.tell("draft", answer={"a": 0.7})
    harness.tell("submit")
    assert harness.submitted() == {"a": 0.7}


@pytest.mark.parametrize("how", ["Home", "ArrowRight", "mouse"])
def test_a_required_slider_wants_a_value_even_the_least(harness: Harness, how: str) -> None:
    harness.show('<crowd-form><crowd-slider name="a" min="1" max="10" required></crowd-slider></crowd-form>')
    assert nothing_submitted(harness)
    expect(harness.frame.locator("crowd-slider .error")).to_have_text("Choose a value.")
    slider = harness.frame.get_by_role("slider")
    if how == "mouse":
        slider.click(position={"x": 12, "y": 16})
    else:
        slider.press(how)
    harness.tell("submit")
    assert harness.submitted() == {"a": 2 if how == "ArrowRight" else 1}


def test_the_number_field_of_a_slider(harness: Harness) -> None:
    harness.show(
        '<crowd-form><crowd-slider name="a" min="10" max="50" step="5" editable></crowd-slider></crowd-form>'
    )
    number = harness.frame.get_by_role("spinbutton")
    for typed, value in (("31", 30), ("700", 50), ("", 50)):
        number.fill(typed)
        number.press("Enter")
        number.blur()
        assert number.input_value() == str(value)
        assert harness.frame.get_by_role("slider").input_value() == str(value)
    harness.frame.get_by_role("slider").press("ArrowLeft")
    assert number.input_value() == "45"


def test_two_sliders_of_one_name_get_their_own_values_back(harness: Harness) -> None:
    harness.show(f"<crowd-form>{2 * '<crowd-slider name=a></crowd-slider>'}</crowd-form>")
    harness.tell("draft", answer={"a": [3, 4]})
    harness.tell("submit")
    assert harness.submitted() == {"a": [3, 4]}


# Dialogs

MODAL = """
<crowd-form>
  <crowd-modal link-text="See examples" link-type="button">
    <p id="text">Text</p><a id="link" href="#x">A link</a>
    <crowd-input id="inside" name="inside" label="Inside"></crowd-input>
  </crowd-modal>
  <crowd-input id="outside" name="outside" label="Outside"></crowd-input>
</crowd-form>
"""


def in_shadow(harness: Harness) -> str:
    """The element with the focus inside the dialog's own tree."""
    found: str = harness.frame.evaluate(
        "document.querySelector('crowd-modal').shadowRoot.activeElement?.className ?? ''"
    )
    return found


@pytest.mark.parametrize("way", ["Escape", "button", "method", "beside"])
def test_a_modal_takes_the_focus_and_gives_it_back(harness: Harness, way: str) -> None:
    harness.show(MODAL)
    opener = harness.frame.get_by_role("button", name="See examples")
    opener.focus()
    harness.page.keyboard.press("Enter")
    dialog = harness.frame.get_by_role("dialog", name="See examples")
    expect(dialog).to_be_visible()
    assert in_shadow(harness) == "close"
    assert grave_problems(harness) == []
    if way == "Escape":
        harness.page.keyboard.press("Escape")
    elif way == "button":
        harness.frame.get_by_role("button", name="Close").click()
    elif way == "method":
        harness.frame.evaluate("document.querySelector('crowd-modal').close()")
    else:
        harness.frame.locator("html").click(position={"x": 2, "y": 140}, force=True)
    expect(dialog).to_be_hidden()
    assert in_shadow(harness) == "open"


def test_tab_stays_in_a_modal(harness: Harness) -> None:
    harness.show(MODAL)
    harness.frame.evaluate("document.querySelector('crowd-modal').open()")
    expect(harness.frame.get_by_role("dialog")).to_be_visible()
    seen = []
    for key in ("Tab", "Tab", "Tab", "Shift+Tab", "Shift+Tab"):
        harness.page.keyboard.press(key)
        seen.append(in_shadow(harness) or focused(harness))
    assert seen == ["link", "inside", "close", "inside", "link"]
    harness.frame.click("#text")
    assert in_shadow(harness) != "close"


def test_a_wrong_field_in_a_modal_is_shown(harness: Harness) -> None:
    harness.show(
        """<crowd-form><crowd-modal><crowd-input name="inside" label="Inside" required></crowd-input></crowd-modal>
        </crowd-form>"""
    )
    assert nothing_submitted(harness)
    expect(harness.frame.get_by_role("dialog")).to_be_visible()
    assert focused(harness) == "crowd-input"
    harness.page.keyboard.type("now")
    harness.tell("submit")
    assert harness.submitted() == {"inside": "now"}


def test_instructions_have_their_pages(harness: Harness) -> None:
    harness.show(
        """<crowd-form><crowd-instructions><short-summary>In short</short-summary>
        <detailed-instructions>In detail</detailed-instructions>
        <positive-example>Do this</positive-example><positive-example>And this</positive-example>
        <negative-example>Not this</negative-example></crowd-instructions></crowd-form>"""
    )
    harness.frame.get_by_role("button", name="Click for instructions").click()
    assert harness.frame.get_by_role("tab").all_text_contents() == [
        "Summary",
        "Detailed Instructions",
        "Examples",
    ]
    expect(harness.frame.get_by_text("In short")).to_be_visible()
    expect(harness.frame.get_by_text("Do this")).to_be_hidden()
    harness.frame.get_by_role("tab", name="Examples").click()
    for text in ("Do this", "And this", "Not this", "Good examples", "Bad examples"):
        expect(harness.frame.get_by_text(text)).to_be_visible()
    expect(harness.frame.get_by_text("In short")).to_be_hidden()
    assert grave_problems(harness) == []


def test_full_instructions_are_a_dialog(harness: Harness) -> None:
    harness.show(
        """<crowd-form><short-instructions>In short</short-instructions>
        <full-instructions header="The rules"><p>In full</p></full-instructions></crowd-form>"""
    )
    expect(harness.frame.get_by_text("In short")).to_be_visible()
    expect(harness.frame.get_by_text("In full")).to_be_hidden()
    harness.frame.get_by_role("button", name="View full instructions").click()
    expect(harness.frame.get_by_role("dialog", name="The rules")).to_be_visible()
    expect(harness.frame.get_by_text("In full")).to_be_visible()


# Tabs

TABS = """
<crowd-form>
  <crowd-tabs>
    <crowd-tab header="One"><p>First</p></crowd-tab>
    <crowd-tab header="Two"><p>Second</p></crowd-tab>
    <crowd-tab header="Three"><input name="inside" required></crowd-tab>
  </crowd-tabs>
</crowd-form>
"""


def selected(harness: Harness) -> str | None:
    text: str | None = harness.frame.locator("[role=tab][aria-selected=true]").text_content()
    return text


def test_tabs_by_keyboard(harness: Harness) -> None:
    harness.show(TABS)
    harness.frame.get_by_role("tab", name="One").focus()
    seen = []
    for key in ("ArrowRight", "End", "ArrowRight", "ArrowLeft", "Home"):
        harness.page.keyboard.press(key)
        seen.append(selected(harness))
    assert seen == ["Two", "Three", "One", "Three", "One"]
    assert harness.frame.get_by_role("tabpanel").count() == 1
    assert harness.frame.get_by_role("tabpanel", name="One").is_visible()


def test_tabs_by_mouse_and_a_tab_that_comes_later(harness: Harness) -> None:
    harness.show(TABS)
    harness.frame.get_by_role("tab", name="Two").click()
    expect(harness.frame.get_by_text("Second")).to_be_visible()
    expect(harness.frame.get_by_text("First")).to_be_hidden()
    harness.frame.evaluate(
        "document.querySelector('crowd-tabs').append(Object.assign(document.createElement('crowd-tab'),"
        " { header: 'Four', textContent: 'Fourth' }))"
    )
    harness.frame.get_by_role("tab", name="Four").click()
    expect(harness.frame.get_by_text("Fourth")).to_be_visible()
    expect(harness.frame.get_by_text("Second")).to_be_hidden()


def test_a_wrong_field_on_a_hidden_page_is_shown(harness: Harness) -> None:
    harness.show(TABS)
    assert nothing_submitted(harness)
    assert selected(harness) == "Three"
    assert focused(harness) == "input"
    harness.page.keyboard.type("now")
    harness.tell("submit")
    assert harness.submitted() == {"inside": "now"}


# Messages


def test_an_alert_that_a_script_writes_can_be_dismissed(harness: Harness) -> None:
    harness.show('<crowd-form><div id="box"></div></crowd-form>')
    harness.frame.evaluate(
        "document.querySelector('#box').innerHTML = '<crowd-alert type=error dismissible>Too few</crowd-alert>'"
    )
    alert = harness.frame.get_by_role("alert")
    expect(alert).to_contain_text("Too few")
    expect(alert.get_by_role("img", name="Error")).to_be_visible()
    harness.frame.get_by_role("button", name="Dismiss this message").click()
    expect(harness.frame.get_by_text("Too few")).to_be_hidden()


def test_an_alert_is_only_a_status_if_nothing_is_wrong(harness: Harness) -> None:
    harness.show("<crowd-form><crowd-alert>Fine</crowd-alert></crowd-form>")
    expect(harness.frame.get_by_role("status")).to_contain_text("Fine")
    assert harness.frame.get_by_role("button", name="Dismiss this message").count() == 0


def test_a_toast_goes_by_itself_and_one_is_shown_at_a_time(harness: Harness) -> None:
    harness.show(
        """<crowd-form><crowd-toast id="a" duration="800">First</crowd-toast>
        <crowd-toast id="b" duration="0" text="Second"></crowd-toast></crowd-form>"""
    )
    show = "(id) => document.getElementById(id).show()"
    first, second = harness.frame.get_by_text("First"), harness.frame.get_by_text("Second")
    expect(first).to_be_hidden()
    harness.frame.evaluate(show, "a")
    expect(first).to_be_visible()
    expect(first).to_be_hidden()
    harness.frame.evaluate(show, "b")
    expect(second).to_be_visible()
    harness.page.wait_for_timeout(400)
    expect(second).to_be_visible()
    harness.frame.evaluate(show, "a")
    expect(second).to_be_hidden()
    expect(first).to_be_visible()
    expect(first).to_be_hidden()
    harness.frame.evaluate(show, "b")
    harness.frame.get_by_role("button", name="Close").click()
    expect(second).to_be_hidden()


# Buttons and badges


@pytest.mark.parametrize("kind", ["fab", "icon-button"])
def test_a_round_button_is_named_and_clicked(harness: Harness, kind: str) -> None:
    harness.show(
        f"""<crowd-form><crowd-{kind} id="named" icon="star" title="Favourite"></crowd-{kind}>
        <crowd-{kind} id="off" icon="zoom-in" disabled></crowd-{kind}></crowd-form>
        <script>
          window.clicks = [];
          for (const id of ["named", "off"])
            document.getElementById(id).addEventListener("click", () => clicks.push(id));
        </script>"""
    )
    harness.frame.get_by_role("button", name="Favourite").press("Enter")
    harness.frame.get_by_role("button", name="Favourite").click()
    harness.frame.get_by_role("button", name="zoom in").click(force=True)
    harness.frame.evaluate("document.querySelector('#off').click()")
    assert harness.frame.evaluate("clicks") == ["named", "named"]


def test_what_follows_a_tag_that_is_not_closed_stays_beside_it(harness: Harness) -> None:
    harness.show('<crowd-form><crowd-fab icon="add"/><input name="a" value="1"></crowd-form>')
    assert harness.frame.locator("crowd-fab + input").is_visible()
    harness.tell("submit")
    assert harness.submitted() == {"a": "1"}


def test_a_badge_stays_at_the_corner(harness: Harness) -> None:
    harness.show(
        """<crowd-form><div style="height: 40px"></div><div id="box" style="width: 200px; height: 60px">Box</div>
        <crowd-badge for="box" label="3"></crowd-badge></crowd-form>"""
    )
    distance = """(() => {
      const box = document.getElementById("box").getBoundingClientRect();
      const badge = document.querySelector("crowd-badge").getBoundingClientRect();
      return Math.hypot(badge.x + badge.width / 2 - box.right, badge.y + badge.height / 2 - box.top) < 1;
    })()"""
    harness.frame.wait_for_function(distance)
    harness.frame.evaluate("document.getElementById('box').style.width = '300px'")
    harness.frame.wait_for_function(distance)
