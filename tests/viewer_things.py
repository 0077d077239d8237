"""What the tests of the viewer share: discs with one, a browser that opens them from files."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from mediasvc.media.disc.disc_layout import DiscInstance
from mediasvc.sandbox import Sandbox
from mediasvc.standard.profiles import load_profile
from mediasvc.work.building.disc_build import Built, Container, build_disc, name_file_set
from mediasvc.work.building.disc_content import Wanted
from tests.disc_things import disc_instances, facts

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
ANSWER = 60_000


def viewer_disc(sandbox: Sandbox, folder: Path, instances: Iterable[FileDataset], target: Path, *,
                container: Container = "folder", profile: str = "STD-GEN-CD",
                **wanted: Any) -> tuple[Built, list[DiscInstance]]:
    """A disc at ``target``; ``folder`` is private to it."""
    made = disc_instances(folder / "in", instances)
    scratch = folder / "scratch"
    scratch.mkdir()
    if container == "folder":
        target.mkdir()
    name = name_file_set(made, "test")
    built = build_disc(sandbox, made, load_profile(profile), name, facts(profile, name.id),
                       target=target, container=container, scratch=scratch,
                       report=lambda done, total, what: None, wanted=Wanted(**wanted))
    return built, made


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium, or the test is skipped with the reason."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM:
        pytest.skip("there is no Chromium")
    with api.sync_playwright() as play:
        one = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield one
        finally:
            one.close()


class Page:
    """The viewer of a disc, opened as a person does: a double click on INDEX.HTM, then the link.

    ``said``: what the browser complained of.
    """

    def __init__(self, browser: Any, disc: Path, *, query: str = "", scripts: tuple[str, ...] = (),
                 ) -> None:
        self.page = browser.new_page(viewport={"width": 1100, "height": 760})
        self.page.set_default_timeout(ANSWER)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        for script in scripts:
            self.page.add_init_script(script)
        if query:
            self.page.goto((disc / "VIEWER" / "VIEWER.HTM").as_uri() + query)
        else:
            self.page.goto((disc / "INDEX.HTM").as_uri())
            self.page.click("text=Open the viewer")
        self.ready()

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning") and "GL Driver Message" not in message.text:
            self.said.append(message.text)

    def ready(self) -> None:
        self.page.wait_for_function(
            "window.MV && MV.active && (MV.active.frame && MV.active.shown === MV.active.index"
            " || !['', 'Loading …'].includes(MV.active.message.textContent))")

    def do(self, script: str, value: Any = None) -> Any:
        return self.page.evaluate(script, value)

    def show(self, series: int, index: int = 0) -> None:
        self.do("([n, i]) => { const v = MV.active;"
                " v.show(MV.places.find(p => p.series.n === n), i); }", [series, index])
        self.ready()

    def text(self, selector: str) -> str:
        return str(self.page.inner_text(selector))

    def greys(self) -> NDArray[np.uint8]:
        """What the screen shows of the image, one pixel of the screen for each of the image:
        (rows, columns, 3)."""
        left, top, rows, columns = self.do(
            "() => { const v = MV.active; delete v.frame.record.as; v.zoom = 1;"
            " v.pan = {x: 0, y: 0}; v.paint();"
            " document.getElementById('app').classList.add('bare');"
            " const m = v.matrix(); return [m.e, m.f, v.frame.rows, v.frame.columns]; }")
        picture = imagecodecs.png_decode(self.page.locator("canvas.image").screenshot())
        self.do("() => document.getElementById('app').classList.remove('bare')")
        return np.asarray(picture[top:top + rows, left:left + columns, :3])

    def close(self) -> None:
        self.page.close()
