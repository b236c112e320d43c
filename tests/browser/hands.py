"""Two ways to work a page, by pointer and by keyboard alone, and a count of what it takes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from flask import Flask, Response, request, request_finished
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver import Chrome
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

# Not the button that only Enter in a field presses.
_CONTROLS = "self::button[not(@tabindex)] or self::a or self::summary"
_PATIENCE = 5
_TABS_AT_ONCE, _MOST_TABS = 30, 150
# Further presses of the tabulator do nothing once the target has the focus.
_STOP_AT = """
const isNew = !window.stopAt;
window.stopAt = arguments[0];
if (isNew) document.addEventListener("keydown", event => {
  if (event.key === "Tab" && document.activeElement === window.stopAt) event.preventDefault();
}, true);
"""
_SHOWS_FOCUS = """
const style = getComputedStyle(arguments[0]);
return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
"""


@dataclass(slots=True, weakref_slot=True)
class Steps:
    """Page loads and submits of the browser, as the server sees them; a redirect belongs to what led to it, and a form
    that is redrawn saves nothing.

    :param taken: method and path of each.
    """

    taken: list[str] = field(default_factory=list)
    is_counting: bool = False
    _next: str = ""

    def watch(self, app: Flask) -> None:
        """From the next request on."""
        request_finished.connect(self._note, app)

    def _note(self, _app: Flask, response: Response, **_: Any) -> None:
        if request.headers.get("Sec-Fetch-Dest") != "document":
            return
        is_led_here = request.full_path.rstrip("?") == self._next
        self._next = unquote(response.location or "")
        is_redraw = request.form.get("act", "save") != "save"
        if self.is_counting and not is_led_here and not is_redraw:
            self.taken.append(f"{request.method} {request.path}")


class Hand(ABC):
    """What a person does on a page. Controls are found by what they are called, as a person finds them."""

    def __init__(self, chrome: Chrome) -> None:
        self.chrome, self.done = chrome, 0

    def go(self, section: str) -> None:
        """To a section of the console."""
        self._act(f"//nav[@aria-label='Console']//a[normalize-space(.)='{section}']", self._press)

    def press(self, words: str, *, within: str = "main") -> None:
        """The button or link that says so."""
        self._act(f"//{within}//*[{_CONTROLS}][contains(normalize-space(.), '{words}')]", self._press)

    def fill(self, label: str, text: str) -> None:
        """The field with this label."""
        self._act(self._labelled(label), lambda one: self._fill(one, text))

    def tick(self, label: str, *, group: str = "") -> None:
        """The box or the radio button with this label, in the fieldset with this legend."""
        within = f"//fieldset[legend[normalize-space(.)='{group}']]" if group else "//main"
        choice = (
            f"{within}//label[contains(@class, 'ac-choice')][span[starts-with(normalize-space(.), '{label}')]]/input"
        )
        named = f"//main//input[@type='checkbox'][@aria-label='{label}']"
        self._act(f"{choice} | {named}", self._tick)

    def choose(self, label: str, option: str) -> None:
        """An option of a list."""
        self._act(self._labelled(label), lambda one: self._choose(one, option))

    def expect(self, words: str) -> None:
        """Until the page says so."""
        WebDriverWait(self.chrome, _PATIENCE, 0.05).until(lambda _: words in self.text, f"{words!r} not in {self.text}")

    @property
    def text(self) -> str:
        """What the page says; nothing while it is exchanged."""
        try:
            return " ".join(self.chrome.find_element(By.TAG_NAME, "body").text.split())
        except WebDriverException:
            return ""

    @staticmethod
    def _labelled(label: str) -> str:
        return f"//main//*[@id=//label[normalize-space(.)='{label}']/@for or @aria-label='{label}']"

    def _act(self, path: str, act: Callable[[WebElement], None]) -> None:
        def once(_: Chrome) -> bool:
            act(next(one for one in self.chrome.find_elements(By.XPATH, path) if one.is_displayed()))
            return True

        waiting = WebDriverWait(
            self.chrome, _PATIENCE, 0.05, ignored_exceptions=[StaleElementReferenceException, StopIteration]
        )
        waiting.until(once, f"no {path} on {self.chrome.current_url}")
        self.done += 1

    @abstractmethod
    def _press(self, one: WebElement) -> None: ...

    @abstractmethod
    def _fill(self, one: WebElement, text: str) -> None: ...

    @abstractmethod
    def _tick(self, one: WebElement) -> None: ...

    @abstractmethod
    def _choose(self, one: WebElement, option: str) -> None: ...


class Pointer(Hand):
    """With a mouse."""

    def _press(self, one: WebElement) -> None:
        one.click()

    def _fill(self, one: WebElement, text: str) -> None:
        one.clear()
        one.send_keys(text)

    def _tick(self, one: WebElement) -> None:
        one.click()

    def _choose(self, one: WebElement, option: str) -> None:
        path = f"./option[normalize-space(.)='{option}']"
        one.find_element(By.XPATH, path).click()


class Keyboard(Hand):
    """With tabulator, Enter, space and arrows alone; each control that is reached shows that it has the focus."""

    def _press(self, one: WebElement) -> None:
        self._reach(one)
        self._type(Keys.ENTER)

    def _fill(self, one: WebElement, text: str) -> None:
        self._reach(one)
        ActionChains(self.chrome).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).send_keys(text).perform()

    def _tick(self, one: WebElement) -> None:
        if one.get_attribute("type") != "radio":
            self._reach(one)
            return self._type(Keys.SPACE)
        radios = self.chrome.find_elements(By.NAME, one.get_attribute("name") or "")
        place = next(place for place, each in enumerate(radios) if each.is_selected())
        self._reach(radios[place])
        key = Keys.ARROW_DOWN if radios.index(one) > place else Keys.ARROW_UP
        for _ in range(abs(radios.index(one) - place)):
            self._type(key)
        assert one.is_selected()
        return None

    def _choose(self, one: WebElement, option: str) -> None:
        self._reach(one)
        options = [each.text.strip() for each in one.find_elements(By.TAG_NAME, "option")]
        place = next(place for place, each in enumerate(one.find_elements(By.TAG_NAME, "option")) if each.is_selected())
        key = Keys.ARROW_DOWN if options.index(option) > place else Keys.ARROW_UP
        self._type(*[key] * abs(options.index(option) - place))

    def _reach(self, one: WebElement) -> None:
        self.chrome.execute_script(_STOP_AT, one)
        for _ in range(_MOST_TABS // _TABS_AT_ONCE):
            self._type(*[Keys.TAB] * _TABS_AT_ONCE)
            if one == self.chrome.switch_to.active_element:
                break
        else:
            raise AssertionError(f"no way to {one.accessible_name!r} by keyboard")
        assert self.chrome.execute_script(_SHOWS_FOCUS, one), f"no sign that {one.accessible_name!r} has the focus"

    def _type(self, *keys: str) -> None:
        ActionChains(self.chrome, duration=0).send_keys("".join(keys)).perform()


@contextmanager
def counted(steps: Steps) -> Iterator[None]:
    """Counts what happens inside."""
    steps.is_counting = True
    try:
        yield
    finally:
        steps.is_counting = False
