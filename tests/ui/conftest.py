"""Real Chromium for the browser tests. A page that complains fails its test."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = os.environ.get("RHOSCOPE_CHROMIUM", "/usr/bin/chromium")
# Without these Chromium calls home, and root may not use its sandbox.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
VIEWPORT = {"width": 1280, "height": 720}


class Complaints:
    """What pages say that they should not: console errors and warnings, failures, exceptions."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def listen(self, page: Page) -> None:
        page.on("console", lambda message: self._console(message.type, message.text))
        page.on("pageerror", lambda error: self.heard.append(f"exception: {error}"))
        page.on("requestfailed", lambda request: self._failed(request.url, request.failure))
        page.on("response", lambda answer: self._answer(answer.status, answer.url))

    def unexpected(self, patterns: list[str]) -> list[str]:
        return [text for text in self.heard if not any(re.search(p, text) for p in patterns)]

    def _console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.heard.append(f"console {kind}: {text}")

    def _failed(self, url: str, why: str | None) -> None:
        # Aborted is what the page breaks off itself, by a reload or its end.
        if why != "net::ERR_ABORTED":
            self.heard.append(f"request failed: {url}: {why}")

    def _answer(self, status: int, url: str) -> None:
        if status >= 400:
            self.heard.append(f"answer {status}: {url}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def new_context(
    browser: Browser, request: pytest.FixtureRequest
) -> Iterator[Callable[..., BrowserContext]]:
    """Makes contexts with a viewport, colour scheme or CSP of the test's choice.

    Whatever their pages complain about fails the test, unless it says
    `@pytest.mark.expect_console("regular expression", …)`.
    """
    complaints = Complaints()
    contexts: list[BrowserContext] = []

    def make(**options: object) -> BrowserContext:
        # wait_for_function evaluates a string, which the page's own CSP forbids.
        defaults: dict[str, Any] = {"viewport": VIEWPORT, "bypass_csp": True}
        context = browser.new_context(**(defaults | options))
        context.on("page", complaints.listen)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    expected = [
        pattern for mark in request.node.iter_markers("expect_console") for pattern in mark.args
    ]
    unexpected = complaints.unexpected(expected)
    assert not unexpected, "the page complained:\n" + "\n".join(unexpected)


@pytest.fixture
def page(new_context: Callable[..., BrowserContext]) -> Page:
    """An empty page, 1280 × 720."""
    return new_context().new_page()
