"""The page: self-contained, and what a browser draws of it."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest

from danet_jax.figures import compact as module
from danet_jax.figures.compact import compact, unpacked
from danet_jax.figures.field import extent, sampling_locations
from danet_jax.figures.page import field_page
from danet_jax.figures.points import Point
from tests.figures.records import layer, record

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
needs_browser = pytest.mark.skipif(
    BROWSER is None, reason=f"no {', '.join(NAMES)} on this machine"
)
POINTS = [Point(9, 12, "edge"), Point(14, 20, "flat")]


class _Parser(HTMLParser):
    """Notes all attributes, and that elements are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.attributes += attrs
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _page(seen=None, image=None, **options):
    seen = seen or record()
    image = seen.restored if image is None else image
    words = {"network": "net <1>", "about": "a & b.png"} | options
    return field_page(seen, image, POINTS, **words)


def test_it_is_well_formed_and_needs_nothing_else() -> None:
    page = _page()
    parser = _Parser()
    parser.feed(page)
    assert parser.open == []
    names = {name for name, _ in parser.attributes}
    assert not names & {"src", "href", "srcset", "action", "onclick"}
    assert "default-src 'none'" in page
    assert not re.search(r"https?://|@import|fetch\(|import\(", page)
    assert "{{" not in page


def test_its_parts_are_installed() -> None:
    root = Path(__file__).parents[2]
    parts = list((root / "danet_jax/figures").glob("*.*"))
    names = {path.name for path in parts if path.suffix != ".py"}
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    assert names == set(re.findall(r'"figures/(.*)",', project)) != set()


def test_names_are_text() -> None:
    page = _page(network="</script><b>x", about="{{data}} & </title>")
    assert "<b>x" not in page
    assert "&lt;/script&gt;&lt;b&gt;x" in page
    assert "{{data}} &amp; &lt;/title&gt;" in page
    label = "</script><script>alert(1)"
    seen = record()
    page = field_page(seen, seen.restored, [Point(1, 1, label)], network="", about="")
    assert page.count("</script>") == 2


@pytest.mark.parametrize("channels", [1, 3])
def test_a_page_of_256x256_pixels_stays_below_3_megabytes(channels: int) -> None:
    """Of noise, which nothing can compress."""
    random = np.random.default_rng(0)
    image = np.float32(random.uniform(size=(256, 256, channels)))
    layers = tuple(layer(256, 256, seed=i) for i in range(2))
    seen = record(256, 256, channels=channels)._replace(layers=layers)
    assert len(_page(seen, image).encode()) < 3e6


@needs_browser
@pytest.mark.parametrize("fragment", ["", "#x=3,y=30"])
def test_a_browser_draws_the_same_field(fragment: str, tmp_path: Path) -> None:
    seen = record()
    point = (3, 30) if fragment else POINTS[0][:2]
    drawn = _drawn(_page(seen), fragment, tmp_path)
    assert drawn["state"] == "ready"
    assert (int(drawn["x"]), int(drawn["y"])) == point
    field = sampling_locations([unpacked(p) for p in compact(seen.layers)], point)
    expected = extent(field, 32, 24)
    assert int(drawn["drawn"]) == len(field.at)
    assert int(drawn["inside"]) == expected.inside
    assert _numbers(drawn) == pytest.approx(expected[1:], abs=1e-3)


@needs_browser
def test_a_browser_reads_between_the_means_of_pixels(tmp_path, monkeypatch) -> None:
    """Offsets that grow evenly are the same between means of squares as of pixels."""
    monkeypatch.setattr(module, "_STRIDES", (2,))
    layers = []
    for original in record().layers:
        rows, columns = np.indices(original.mask.shape[:2])
        slopes = 0.1 * rows - 1, 0.2 * columns - 1
        offsets = np.stack(slopes, axis=-1)[:, :, None]
        offsets = original.offsets * 0 + offsets
        layers.append(original._replace(offsets=offsets, mask=original.mask * 0 + 1))
    seen = record()._replace(layers=tuple(layers))
    drawn = _drawn(_page(seen), "#x=12,y=16", tmp_path)
    expected = extent(sampling_locations(layers, (12, 16)), 32, 24)
    assert _numbers(drawn) == pytest.approx(expected[1:], abs=0.1)


@needs_browser
def test_keys_and_buttons_change_what_is_drawn(tmp_path) -> None:
    act = """
        const press = (key, shiftKey) => document.getElementById("image")
          .dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey }));
        press("ArrowRight", true);
        press("ArrowUp", false);
        const depth = document.getElementById("depth");
        depth.value = 1;
        depth.dispatchEvent(new Event("input"));"""
    drawn = _drawn(_page(), "#x=3,y=30", tmp_path, act=act)
    assert (drawn["x"], drawn["y"], drawn["drawn"]) == ("13", "29", "9")
    act = "document.querySelector('#points button:last-of-type').click();"
    drawn = _drawn(_page(), "", tmp_path, act=act)
    assert (drawn["x"], drawn["y"], drawn["drawn"]) == ("14", "20", "81")


@needs_browser
def test_the_pointer_chooses_a_pixel_and_a_click_holds_it(tmp_path) -> None:
    act = """
        const canvas = document.getElementById("image");
        const box = canvas.getBoundingClientRect();
        const at = (kind, x, y) => canvas.dispatchEvent(new PointerEvent(kind, {
          pointerType: "mouse",
          clientX: box.left + (x + 0.5) * box.width / 24,
          clientY: box.top + (y + 0.5) * box.height / 32,
        }));
        at("pointermove", 20, 3);"""
    drawn = _drawn(_page(), "", tmp_path, act=act)
    assert (drawn["x"], drawn["y"]) == ("20", "3")
    held = act + 'at("click", 5, 6); at("pointermove", 20, 3);'
    drawn = _drawn(_page(), "", tmp_path, act=held)
    assert (drawn["x"], drawn["y"]) == ("5", "6")
    freed = held + 'at("click", 5, 6); at("pointermove", 7, 8);'
    drawn = _drawn(_page(), "", tmp_path, act=freed)
    assert (drawn["x"], drawn["y"]) == ("7", "8")


@needs_browser
def test_dots_stand_where_the_network_samples(tmp_path) -> None:
    """On a black image orange is left by dots only; they are where the field is."""
    act = """
        const canvas = document.getElementById("image");
        const pen = canvas.getContext("2d");
        const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
        const rows = new Set();
        for (let i = 0; i < data.length; i += 4)
          if (data[i] > data[i + 2] + 60)
            rows.add(Math.floor(Math.floor(i / 4 / canvas.width) * 32 / canvas.height));
        said.rows = [...rows].join();"""
    layers = [x._replace(mask=np.ones_like(x.mask)) for x in record().layers]
    black = np.zeros((32, 24, 1), np.float32)
    seen = record()._replace(restored=black, layers=tuple(layers))
    drawn = _drawn(_page(seen), "#x=12,y=16", tmp_path, act=act)
    rows = {int(row) for row in drawn["rows"].split(",")}
    places = sampling_locations([unpacked(p) for p in compact(seen.layers)], (12, 16))
    expected = np.clip(np.rint(places.at[:, 0]), 0, 31)
    assert min(rows) == pytest.approx(expected.min(), abs=1)
    assert max(rows) == pytest.approx(expected.max(), abs=1)


def _numbers(drawn: Mapping[str, str]) -> tuple[float, ...]:
    return tuple(float(drawn[name]) for name in ("meanY", "meanX", "spread"))


class _Listener(BaseHTTPRequestHandler):
    """Notes what a request asks for."""

    server: "_Server"

    def do_GET(self) -> None:
        self.server.heard = dict(parse_qsl(urlsplit(self.path).query))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class _Server(HTTPServer):
    timeout = 300
    heard: Mapping[str, str] = MappingProxyType({})


# Tells what the page says of itself, by going elsewhere: it may not fetch.
_TELL = """<script>
const timer = setInterval(() => {
  const said = document.documentElement.dataset;
  if (said.state !== "ready") return;
  clearInterval(timer);
  ACT
  requestAnimationFrame(() => requestAnimationFrame(() => {
    location = "http://127.0.0.1:PORT/?" + new URLSearchParams({ ...said });
  }));
}, 20);
</script>"""


def _drawn(
    page: str, fragment: str, folder: Path, *, act: str = ""
) -> Mapping[str, str]:
    """What the page says of itself when Chromium runs it, and then acts on it."""
    path = folder / "page.html"
    with _Server(("127.0.0.1", 0), _Listener) as server:
        tell = _TELL.replace("PORT", str(server.server_port)).replace("ACT", act)
        path.write_text(page.replace("</body>", f"{tell}</body>"), encoding="utf-8")
        words = ["--headless", "--no-sandbox", "--disable-gpu"]
        words += ["--remote-debugging-port=0", f"--user-data-dir={folder / 'profile'}"]
        browser = subprocess.Popen(
            [str(BROWSER), *words, path.as_uri() + fragment],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            server.handle_request()
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()
    return server.heard
