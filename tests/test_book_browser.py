"""Every built page in a real browser: nothing from outside, nothing broken, nothing unnamed, and everything moves."""

import functools
import html.parser
import http.server
import os
import shutil
import threading
from collections import defaultdict
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import demo_book
import pytest

ROOT = Path(__file__).resolve().parents[1]
AXE = ROOT / "_build" / "vendor" / "test" / "axe.min.js"
SWITCHES = (
    "no-sandbox disable-quic no-first-run disable-background-networking disable-component-update disable-sync "
    "use-angle=swiftshader enable-unsafe-swiftshader"
)
FLAGS = [f"--{switch}" for switch in SWITCHES.split()]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SETTLE = 200  # ms after each step down the page; what loads on sight starts here
TIMEOUT = 60_000  # ms; software rendering on a busy machine is slow
DEMO = "notebooks/demo.html"

# Playwright warns of its own event loop at the end; what matters here are the page's complaints.
pytestmark = [pytest.mark.book, pytest.mark.filterwarnings("default")]


def need(thing, reason: str):
    """Skip with the reason where something is missing; fail where it must not be (CI)."""
    if not thing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return thing


# ---- the sites, a server, a browser ----


@pytest.fixture(scope="session")
def demo_site(tmp_path_factory) -> Path:
    pytest.importorskip("jupyter_book")
    folder = demo_book.make(tmp_path_factory.mktemp("demo"))
    done = demo_book.run(folder, "build.py", "--profile", "smoke")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return folder / "_build" / "html"


@pytest.fixture(scope="session")
def book_site() -> Path:
    site = ROOT / "_build" / "html"
    need((site / "index.html").exists(), "the book is not built: run book/build.py")
    return site


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments) -> None:
        pass


@pytest.fixture(scope="session")
def serve():
    """Serves a folder on localhost; returns its address."""
    servers = {}

    def start(site: Path) -> str:
        if site not in servers:
            handler = functools.partial(Quiet, directory=str(site))
            servers[site] = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
            threading.Thread(target=servers[site].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[site].server_port}/"

    yield start
    for server in servers.values():
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def chromium():
    api = pytest.importorskip("playwright.sync_api")
    found = os.environ.get("DEEPSTRUC_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    need(found, "no Chromium: set DEEPSTRUC_CHROMIUM, or put chromium or google-chrome on PATH")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


class Visit:
    """One page, opened and read to its end, with everything that went wrong meanwhile."""

    def __init__(self, browser, base: str, path: str, *, theme="light", size=None, script=None):
        self.context = browser.new_context(viewport=size or WIDE, color_scheme=theme)
        self.page = self.context.new_page()
        self.page.set_default_timeout(TIMEOUT)
        self.outside, self.broken, self.errors = [], [], []
        self._watch(base)
        if script:
            self.page.add_init_script(script)
        self.page.goto(base + path, wait_until="load")
        self.read()

    def _watch(self, base: str) -> None:
        ours = (base, "data:", "blob:", "about:")
        page = self.page
        page.on("request", lambda r: r.url.startswith(ours) or self.outside.append(r.url))
        page.on("requestfailed", lambda r: self.broken.append(f"{r.url} {r.failure}"))
        page.on("response", lambda r: r.status < 400 or self.broken.append(f"{r.url} {r.status}"))
        page.on("console", lambda m: m.type != "error" or self.errors.append(m.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def read(self) -> None:
        """Scroll to the end and wait for what that has started."""
        height = self.page.evaluate("document.documentElement.scrollHeight")
        for y in range(0, height + 1, 700):
            self.page.evaluate("y => scrollTo(0, y)", y)
            self.page.wait_for_timeout(SETTLE)
        drawn = """() => [...document.querySelectorAll('.book-chart')].every(e => e.classList.contains('ready'))
          && [...document.querySelectorAll('.book-view')].every(e => e.classList.contains('ready')
             || !e.querySelector('script'))"""
        self.page.wait_for_function(drawn)
        self.page.wait_for_timeout(SETTLE)

    def complaints(self) -> dict[str, list[str]]:
        found = {"from outside": self.outside, "broken": self.broken, "console": self.errors}
        return {name: items for name, items in found.items() if items}

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self.context.close()


def pages_of(site: Path) -> list[str]:
    skipped = {"index.html", "genindex.html"}  # a forward to the first page; an empty index
    found = (path.relative_to(site).as_posix() for path in site.rglob("*.html") if "_static" not in path.parts)
    return sorted(name for name in found if name not in skipped)


def axe(page) -> list[str]:
    """Accessibility violations, one line each."""
    need(AXE.exists(), "axe-core is not fetched: run book/vendor.py")
    page.add_script_tag(path=str(AXE))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{v['id']} ({v['impact']}): {node['target']} {node['html'][:160]}"
        for v in result["violations"]
        for node in v["nodes"]
    ]


@pytest.fixture(params=["demo", "book"])
def site(request) -> Path:
    return request.getfixturevalue(f"{request.param}_site")


# ---- every page ----


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_asks_outside_breaks_or_leaves_something_unnamed(site, serve, chromium, theme):
    complaints = defaultdict(dict)
    for name in pages_of(site):
        with Visit(chromium, serve(site), name, theme=theme) as visit:
            if found := visit.complaints():
                complaints[name].update(found)
            if violations := axe(visit.page):
                complaints[name]["axe"] = violations
    assert not complaints


def test_no_page_scrolls_sideways_on_a_phone(site, serve, chromium):
    wide = {}
    for name in pages_of(site):
        with Visit(chromium, serve(site), name, size=PHONE) as visit:
            width = visit.page.evaluate("document.documentElement.scrollWidth")
            if width > PHONE["width"]:
                wide[name] = width
    assert not wide


class Links(html.parser.HTMLParser):
    """Links, anchors and unnamed pictures of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.links, self.anchors, self.unnamed = [], set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes) -> None:
        given = dict(attributes)
        self.anchors.update(given[key] for key in ("id", "name") if given.get(key))
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        decorative = "logo__image" in given.get("class", "")  # its name stands beside it
        if tag == "img" and not given.get("alt") and not decorative:
            self.unnamed.append(given.get("src", "")[:80])


def test_links_inside_the_book_lead_somewhere_and_pictures_have_words(site):
    read = {name: Links((site / name).read_text(encoding="utf-8")) for name in pages_of(site)}
    lost = []
    for name, links in read.items():
        lost += [f"{name}: picture {source}" for source in links.unnamed]
        for link in links.links:
            target, anchor = urldefrag(urljoin(name, link))
            if urlsplit(target).scheme or target.endswith("genindex.html"):
                continue
            target = unquote(target)
            if not (site / target).exists():
                lost.append(f"{name}: {link}")
            elif anchor and target in read and unquote(anchor) not in read[target].anchors:
                lost.append(f"{name}: {link} (no such place)")
    assert not lost


# ---- one of each kind of widget ----


@pytest.fixture
def demo(demo_site, serve, chromium):
    with Visit(chromium, serve(demo_site), DEMO) as visit:
        yield visit.page
        assert not visit.complaints()


def pixels(view) -> bytes:
    return view.screenshot()


def test_a_structure_turns_with_the_mouse(demo):
    view = demo.locator(".book-view").first
    view.scroll_into_view_if_needed()
    demo.wait_for_timeout(1500)
    before = pixels(view)
    box = view.bounding_box()
    demo.mouse.move(box["x"] + 200, box["y"] + 150)
    demo.mouse.down()
    demo.mouse.move(box["x"] + 330, box["y"] + 190, steps=5)
    demo.mouse.up()
    demo.wait_for_timeout(1500)
    assert pixels(view) != before


def test_a_trajectory_plays(demo):
    view = demo.get_by_role("figure", name="swells and shrinks")
    view.scroll_into_view_if_needed()
    readout = view.locator(".widget-readout")
    assert readout.inner_text().strip() == "0"
    canvas = view.locator("canvas").first
    before = pixels(canvas)
    view.get_by_role("button", name="Play or pause").click()
    demo.wait_for_function("e => e.textContent.trim() !== '0'", arg=readout.element_handle())
    demo.wait_for_timeout(1000)
    assert pixels(canvas) != before


def test_a_chart_answers_the_mouse(demo):
    plot = demo.locator(".book-chart .plot-container").first
    plot.scroll_into_view_if_needed()
    box = demo.locator(".book-chart .nsewdrag").first.bounding_box()
    demo.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for offset in range(-40, 41, 4):
        demo.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 + offset)
        demo.wait_for_timeout(40)
        if demo.locator(".book-chart .hovertext").count():
            return
    pytest.fail("no hover text appeared")


def test_a_charts_slider_moves_by_mouse_and_by_keys(demo):
    drawn = "() => document.querySelector('.book-chart .js-plotly-plot')._fullData[0].y[5]"
    chart = demo.locator(".book-chart input[type=range]").first
    chart.scroll_into_view_if_needed()
    assert chart.get_attribute("aria-valuetext") == "Stretch: 0.96"
    first = demo.evaluate(drawn)
    chart.focus()
    demo.keyboard.press("ArrowRight")
    demo.wait_for_function("e => e.getAttribute('aria-valuetext') === 'Stretch: 1.00'", arg=chart.element_handle())
    second = demo.evaluate(drawn)
    assert second != first
    rail = demo.locator(".book-chart .slider-rail-touch-rect").first.bounding_box()
    demo.mouse.click(rail["x"] + rail["width"] - 2, rail["y"] + rail["height"] / 2)
    demo.wait_for_function("e => e.getAttribute('aria-valuetext') === 'Stretch: 1.04'", arg=chart.element_handle())
    # The curve follows the label, after plotly's own transition.
    demo.wait_for_function(f"old => !old.includes(({drawn})())", arg=[first, second])


def test_a_trajectory_and_the_chart_below_it_move_together(demo):
    chart = demo.get_by_role("figure", name="How far the particle above has swollen")
    keys = chart.locator("input[type=range]")
    view = demo.get_by_role("figure", name="swells and shrinks")
    readout = view.locator(".widget-readout").element_handle()
    drawn = "e => e.querySelector('.js-plotly-plot')._fullData[0].x[0]"
    keys.scroll_into_view_if_needed()
    keys.focus()
    demo.keyboard.press("ArrowRight")
    demo.wait_for_function("e => e.textContent.trim() === '1'", arg=readout)
    handle = view.locator(".noUi-handle")
    handle.focus()
    demo.keyboard.press("ArrowRight")
    demo.wait_for_function(f"e => ({drawn})(e) === 2", arg=chart.element_handle())
    spoken = "e => e.getAttribute('aria-valuetext') === 'Frame 2'"
    demo.wait_for_function(spoken, arg=keys.element_handle())


def test_linked_widgets_follow_each_other(demo):
    handle = demo.get_by_role("slider", name="Shells")
    handle.scroll_into_view_if_needed()
    bar = demo.locator(".widget-hprogress .progress-bar").first
    before = bar.bounding_box()["width"]
    handle.focus()
    for _ in range(3):
        demo.keyboard.press("ArrowRight")
    demo.wait_for_timeout(500)
    assert bar.bounding_box()["width"] > before


def test_a_change_of_theme_reaches_charts_and_views(demo):
    ink = "() => document.querySelector('.book-chart .js-plotly-plot')._fullLayout.font.color"
    light = demo.evaluate(ink)
    view = demo.locator(".book-view").first
    view.scroll_into_view_if_needed()
    before = pixels(view)
    demo.evaluate("document.documentElement.dataset.theme = 'dark'")
    demo.wait_for_timeout(1500)
    assert demo.evaluate(ink) != light
    assert pixels(view) != before


def test_numbers_come_from_the_run_and_solutions_unfold(demo):
    assert demo.get_by_text("The particle has 55 atoms, and the error is 0.12 Å.").count() == 1
    solution = demo.locator(".solution.dropdown")
    assert not solution.get_by_text("len(Icosahedron").is_visible()
    failed: list[str] = []
    demo.on("pageerror", lambda error: failed.append(str(error)))
    solution.locator(".admonition-title a").first.click()  # leads to the exercise, and unfolds nothing
    assert not solution.get_by_text("# 147").is_visible()
    solution.locator(".admonition-title").click(position={"x": 5, "y": 5})
    assert solution.get_by_text("# 147").is_visible()
    assert failed == []


def test_without_webgl_the_pictures_stay(demo_site, serve, chromium):
    blind = "HTMLCanvasElement.prototype.getContext = () => null"
    with Visit(chromium, serve(demo_site), DEMO, script=blind) as visit:
        assert visit.page.locator(".book-view canvas").count() == 0
        posters = visit.page.locator(".book-view img.book-poster")
        assert posters.count() == 3
        assert all(posters.nth(k).is_visible() for k in range(3))


def test_launch_and_download_lead_to_the_clean_notebook(demo_site):
    text = (demo_site / DEMO).read_text(encoding="utf-8")
    assert "/main?urlpath=lab/tree/notebooks/demo.ipynb" in text.replace("%2F", "/")
    assert "/blob/main/notebooks/demo.ipynb" in text
    clean = (ROOT / "tests" / "data" / "demo.ipynb").read_bytes()
    assert (demo_site / "_sources" / "notebooks" / "demo.ipynb").read_bytes() == clean
