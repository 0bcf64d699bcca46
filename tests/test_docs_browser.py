"""Every page of the built documentation in a real browser, without a network.

``NTK_SKLEARN_DOCS`` names the folder of the built pages. The tests need playwright and
Debian's Chromium, or any other whose path is in ``CHROMIUM``.
"""

import os
import shutil
from itertools import product
from pathlib import Path

import pytest

BUILT = Path(os.environ.get("NTK_SKLEARN_DOCS", "nowhere")).resolve()
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
SHOTS = os.environ.get("NTK_SKLEARN_SCREENSHOTS")
PAGES = sorted(
    page.relative_to(BUILT).as_posix()
    for page in BUILT.rglob("*.html")
    if page.relative_to(BUILT).parts[0] not in ("_static", "_modules", "_downloads")
)
LOOKS = list(product((1400, 400), ("light", "dark")))

pytestmark = pytest.mark.skipif(
    not (PAGES and CHROMIUM), reason="the built documentation or Chromium is not here"
)

# The widest thing of a page that no box around it scrolls, as text for a message.
WIDEST = """() => {
    const room = document.documentElement.clientWidth;
    const scrolls = node => {
        for (; node; node = node.parentElement)
            if (["auto", "scroll", "hidden"].includes(getComputedStyle(node).overflowX))
                return true;
        return false;
    };
    const out = [...document.body.querySelectorAll("*")].filter(node =>
        node.getBoundingClientRect().right > room + 1 && !scrolls(node.parentElement));
    return out.slice(0, 3).map(node => node.outerHTML.slice(0, 120)).join(" | ");
}"""

# The lowest contrast between a text and what lies behind it, by WCAG 2's formula.
CONTRAST = """() => {
    const numbers = colour => (colour.match(/[\\d.]+/g) || []).map(Number);
    const light = colour => {
        const [r, g, b] = numbers(colour).slice(0, 3).map(v => v / 255).map(
            v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = node => {
        for (; node; node = node.parentElement) {
            const colour = getComputedStyle(node).backgroundColor;
            if (numbers(colour).length === 3) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    let lowest = [99, ""];
    for (const node of document.querySelectorAll("main :is(p, pre, td, li)")) {
        if (!node.textContent.trim() || !node.offsetParent) continue;
        const pair = [getComputedStyle(node).color, behind(node)].map(light);
        const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
        if (ratio < lowest[0]) lowest = [ratio, node.textContent.slice(0, 60)];
    }
    return lowest;
}"""


@pytest.fixture(scope="module")
def window():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        options = {"executable_path": CHROMIUM, "args": ["--no-sandbox"]}
        browser = driver.chromium.launch(**options)
        yield browser.new_context()
        browser.close()


def open_page(window, page):
    """Open a page; return its tab, and a list of what goes wrong from now on."""
    tab, found = window.new_page(), []

    def heard(message):
        if message.type != "log":
            found.append(f"console: {message.text}")

    def asked(request):
        if not request.url.startswith("file:"):
            found.append(f"asks for {request.url}")

    tab.on("console", heard)
    tab.on("request", asked)
    tab.on("pageerror", lambda error: found.append(f"script: {error}"))
    tab.on("requestfailed", lambda request: found.append(f"not found: {request.url}"))
    tab.goto((BUILT / page).as_uri(), wait_until="load")
    if tab.locator(".math").count():
        tab.wait_for_selector("mjx-container", state="attached", timeout=10_000)
    return tab, found


def faults(tab, width):
    """Return what is wrong with a page as it looks now."""
    if tab.evaluate("document.documentElement.scrollWidth") > width:
        yield f"is wider than the window: {tab.evaluate(WIDEST)}"
    ratio, text = tab.evaluate(CONTRAST)
    if ratio < 4.5:
        yield f"contrast {ratio:.1f} of {text!r}"
    if tab.locator(".bd-header").bounding_box()["height"] > 90:
        yield "the header takes two rows"
    side = tab.locator(".bd-sidebar-primary .bd-toc-item")
    if side.count() and not side.first.locator("li").count():
        yield "the side bar is empty"


@pytest.mark.parametrize("page", PAGES)
def test_page(window, page):
    tab, found = open_page(window, page)
    for width, scheme in LOOKS:
        tab.set_viewport_size({"width": width, "height": 900})
        tab.emulate_media(color_scheme=scheme)
        tab.wait_for_selector(f"html[data-theme={scheme}]", state="attached")
        found += [f"{width}, {scheme}: {fault}" for fault in faults(tab, width)]
        if SHOTS:
            name = f"{page.replace('/', '_')[:-5]}_{width}_{scheme}.png"
            tab.screenshot(path=Path(SHOTS) / name, full_page=True)
    tab.close()
    assert found == []


def test_a_page_with_faults_is_told(window, tmp_path):
    """The checks are not blind: each finds what was put there for it."""
    (tmp_path / "bad.html").write_text(
        "<div class='bd-header' style='height: 200px'></div>"
        "<div class='bd-sidebar-primary'><div class='bd-toc-item'></div></div>"
        "<main><p style='width: 3000px; color: #999'>grey</p></main>"
        "<script src='gone.js'></script><script>console.error('no')</script>"
    )
    tab, found = open_page(window, tmp_path / "bad.html")
    tab.set_viewport_size({"width": 400, "height": 900})
    told = " ".join([*found, *faults(tab, 400)])
    for word in ("gone.js", "console: no", "wider", "contrast 2.8", "two", "empty"):
        assert word in told
