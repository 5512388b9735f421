"""Prefect's page in a real browser: a form is filled in, a run watched, what it made looked at."""

import re
from pathlib import Path

import pytest
from served_runs import Serving, lamp_recipe, wait_for, write_videos

CHROMIUM = "/usr/bin/chromium"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        not Path(CHROMIUM).exists(), reason="no browser; Debian has one: apt-get install chromium"
    ),
]


@pytest.fixture
def page():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        # Whoever runs tests as root cannot have Chromium's own sandbox; the pages are ours.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1300, "height": 1600})
        page.set_default_timeout(200_000)
        page.asked = []
        page.context.on("request", lambda request: page.asked.append(request.url))
        yield page
        browser.close()


CONTROL = "textarea, button.p-select-button__control"


def field(page, name):
    """The control that stands under a name."""
    label = page.locator(".schema-form-property__label").filter(
        has_text=re.compile(rf"^\s*{name}( \(Optional\))?\s*$")
    )
    box = "xpath=ancestor::*[.//textarea or .//button[contains(@class, 'select-button__control')]]"
    return label.locator(f"{box}[1]").locator(CONTROL)


def test_form_becomes_a_dataset_whose_report_is_looked_at(page, tmp_path):
    recipe = lamp_recipe(tmp_path / "recipe", seconds=1)
    videos = write_videos(tmp_path / "videos", 2)
    (videos / "broken.mp4").write_text("this is no video")
    serving = Serving(tmp_path, "--workers", "2")
    try:
        use(page, serving, recipe, videos, tmp_path)
    finally:
        serving.end()
    elsewhere = [u for u in page.asked if not u.startswith(("http://127.0.0.1:", "data:", "blob:"))]
    assert elsewhere == []


def use(page, serving, recipe, videos, tmp_path):
    page.goto(f"{serving.page}/deployments")
    page.get_by_role("link", name="label", exact=True).first.click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Custom run").click()
    page.get_by_text("Folders, files or addresses of videos").wait_for()
    field(page, "videos").fill(str(videos))
    field(page, "out").fill("lamps")
    field(page, "recipe_file").fill(str(recipe))
    choose(page, field(page, "recipe"), "file")
    page.screenshot(path=tmp_path / "form.png")
    page.get_by_role("button", name="Submit").click()
    page.locator("a[href*='/runs/flow-run/']").first.click()
    page.wait_for_url("**/runs/flow-run/**")
    page.get_by_text("Completed with failures").first.wait_for(timeout=400_000)
    page.screenshot(path=tmp_path / "run.png")
    run = re.search(r"flow-run/([0-9a-f-]+)", page.url)[1]
    keys = [
        f"lamps-{n}"
        for n in ("progress", "summary", "videos", "failures", "sheet", "doctor", "report")
    ]
    made = wait_for(lambda: serving.artifacts(run))
    assert set(keys) == set(made)
    for key in keys:
        page.goto(f"{serving.page}/artifacts/artifact/{made[key]['id']}")
        page.get_by_text(key).first.wait_for()
        page.wait_for_load_state("networkidle")
        page.screenshot(path=tmp_path / f"{key}.png")
        if key == "lamps-failures":
            page.get_by_text("rotoscope retry").first.wait_for()
        if key == "lamps-sheet":
            picture = page.locator("img[src^='data:image/jpeg']").first
            assert picture.evaluate("p => p.naturalWidth") > 100
    link = page.get_by_role("link", name="lamps.report.html", exact=True)
    with page.context.expect_page() as opened:
        link.click()
    report = opened.value
    report.get_by_role("heading", name="lamps").first.wait_for()
    report.screenshot(path=tmp_path / "report.png")


def choose(page, select, value):
    """Chooses by the keyboard, which a popover takes as a person's."""
    select.focus()
    page.keyboard.press("Space")
    page.get_by_role("option", name=value, exact=True).click()
