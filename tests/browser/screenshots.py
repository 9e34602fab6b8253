"""Pictures of the dashboard; scripts/screenshots says how it is called."""

import fcntl
import pathlib
import sys
import tempfile

from playwright.sync_api import sync_playwright

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent)]
import scenes  # noqa: E402
from conftest import Guarded, Serving, chromium, running_locks  # noqa: E402
from pages import PAGES  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTHS = {"desktop": (1280, 900), "phone": (360, 740)}
# What the documents show.
SHOWN = [("overview", "desktop", "light"), ("overview", "phone", "dark"),
         ("pipeline", "desktop", "light"), ("run-failed", "desktop", "dark"),
         ("run-running", "desktop", "light"), ("run-approval", "desktop", "light"),
         ("run-failed", "phone", "light"), ("log", "desktop", "dark"),
         ("queue", "desktop", "light"), ("deliveries", "desktop", "dark")]


def draw(browser, where, how, target):
    address, session = where
    width, scheme = how
    context = browser.new_context(viewport=dict(zip(("width", "height"), WIDTHS[width])),
                                  color_scheme=scheme, reduced_motion="reduce",
                                  storage_state=session)
    page = context.new_page()
    page.goto(address, wait_until="load")
    page.wait_for_timeout(400)
    page.screenshot(path=target, full_page="--all" in sys.argv)
    context.close()


def main():
    arguments = [each for each in sys.argv[1:] if each != "--all"]
    target = pathlib.Path(arguments[0]) if arguments else ROOT / "docs" / "screenshots"
    target.mkdir(parents=True, exist_ok=True)
    chosen = SHOWN
    if "--all" in sys.argv:
        chosen = [(name, width, scheme) for name in PAGES for width in WIDTHS
                  for scheme in ("light", "dark")]
    with tempfile.TemporaryDirectory(prefix="aphex-screenshots-") as directory:
        root = pathlib.Path(directory)
        scene = scenes.Scene(root / "state")
        scenes.configure(root / "server")
        held = []
        for lock in running_locks(scene):
            lock.parent.mkdir(parents=True, exist_ok=True)
            held.append(open(lock, "w", encoding="utf-8"))
            fcntl.flock(held[-1], fcntl.LOCK_EX)
        server = Serving(scene.state, root / "server")
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium(),
                                                     args=["--no-sandbox"])
                guarded = Guarded(browser, root / "guarded")
                for name, width, scheme in chosen:
                    page = PAGES[name]
                    host = guarded if page.guest else server
                    where = (host.address + page.address(scene),
                             guarded.sessions[page.guest or "nobody"])
                    draw(browser, where, (width, scheme), target / f"{name}-{width}-{scheme}.png")
                guarded.serving.stop()
                browser.close()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
