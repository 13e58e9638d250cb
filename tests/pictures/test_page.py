"""The page of all nights in a real browser, opened from the disk as a double click does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from afterglow.history.read import History
from tests.pictures.conftest import REPORTED, Open, Visit, keep_page
from tests.pictures.histories import ALL, Made, history

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"

PAGES = ("empty", "blocked", "one", "many", "hostile")
DESKTOP, PHONE = 1200, 390
LOOKS = (("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE), ("dark", PHONE))


@pytest.fixture
def many(opened: Open) -> Iterator[Page]:
    """The page of ninety nights."""
    with opened("many") as visit:
        yield visit.page


def rows(page: Page) -> Locator:
    """The lines of the table of all log-outs."""
    return page.locator("#log-outs tbody tr")


def column(page: Page, number: int) -> list[str]:
    return page.locator(f"#log-outs tbody tr > :nth-child({number})").all_inner_texts()


def violations(page: Page) -> list[str]:
    """All that axe finds, of whatever weight."""
    page.add_script_tag(path=AXE)
    found = page.evaluate("() => axe.run()")
    return [
        f"{each['impact']}: {each['id']}: {[node['html'][:120] for node in each['nodes']]}"
        for each in found["violations"]
    ]


def unfold(page: Page) -> None:
    """Open everything that can be opened."""
    for summary in page.locator("summary").all():
        if summary.is_visible():
            summary.click()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_everybody_can_read_it(name: str, scheme: Literal["light", "dark"], width: int, opened: Open) -> None:
    """Axe finds nothing, in light and dark, on a desk and on a phone; nothing is wider than the screen.

    The page complains of nothing, asks nobody for anything, and obeys nothing that a run's file says.
    """
    with opened(name, scheme, width) as visit:
        unfold(visit.page)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        assert visit.page.title() == "Afterglow: how long sessions outlive their log-out"
        assert visit.complaints == []
        assert visit.requests == [visit.page.url]
        assert violations(visit.page) == []


@pytest.mark.parametrize(("scheme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(23, 27, 32)")])
def test_pictures_have_the_colours_of_the_page(
    scheme: Literal["light", "dark"], paper: str, opened: Open
) -> None:
    """The letters of a picture stand out from the paper, which is dark where the reader wants it so."""
    with opened("many", scheme) as visit:
        body = visit.page.locator("body")
        expect(body).to_have_css("background-color", paper)
        ink = body.evaluate("(body) => getComputedStyle(body).color")
        letter = visit.page.locator("#survival svg text").first
        expect(letter).to_have_css("fill", ink)


def test_pictures_follow_the_reader_into_the_dark(many: Page) -> None:
    """Without loading the page again."""
    many.emulate_media(color_scheme="dark")
    expect(many.locator("#survival svg text").first).to_have_css("fill", "rgb(231, 234, 238)")


def test_without_a_night_it_says_how_to_get_one(opened: Open) -> None:
    """No picture, no table, no error."""
    with opened("empty") as visit:
        expect(visit.page.get_by_role("heading", name="No nights yet")).to_be_visible()
        expect(visit.page.get_by_text("make nightly")).to_be_visible()
        expect(visit.page.locator("figure, table")).to_have_count(0)


def test_nights_without_a_delay_are_no_nights_at_all(opened: Open) -> None:
    """They are counted, and there is nothing to draw."""
    with opened("blocked") as visit:
        expect(visit.page.get_by_text("There are 2 nights, and none of them holds a delay")).to_be_visible()
        expect(visit.page.locator("figure")).to_have_count(0)


def test_one_night_says_that_it_is_too_few(opened: Open) -> None:
    """It has its pictures all the same."""
    with opened("one") as visit:
        expect(visit.page.locator(".headline").first).to_contain_text("1 night, none late")
        expect(visit.page.locator(".headline").first).to_contain_text("too few nights")
        expect(visit.page.locator("figure svg")).to_have_count(4)


def test_the_findings_come_first_and_need_no_script(opened: Open) -> None:
    """What a lead wants to know is text: it is there without JavaScript, for whoever prints it."""
    with opened("many", scripts=False) as visit:
        assert visit.page.get_by_role("heading").all_inner_texts()[:4] == [
            "How long a session outlives its log-out",
            "What the nights say",
            "Log out all",
            "Log out one",
        ]
        expect(visit.page.locator(".headline").first).to_contain_text("87 nights, 1 late, 1 undetermined")
        expect(visit.page.get_by_text("need JavaScript")).to_be_visible()
    with opened("many") as visit:
        expect(visit.page.get_by_text("need JavaScript")).to_have_count(0)


def test_every_picture_is_told_in_words_and_in_numbers(many: Page) -> None:
    """A name, a sentence below it, and a table of what it draws, made of the same intervals."""
    for figure in many.locator("figure").all():
        expect(figure.locator(".chart[role=img]")).to_have_attribute(
            "aria-label", re.compile("what it shows is said below")
        )
        expect(figure.locator("figcaption")).to_have_text(re.compile(r"\w+ .*\."))
        figure.locator("summary").click()
        expect(figure.locator(".numbers th[scope=col]").first).to_be_visible()
        expect(figure.locator(".numbers th[scope=row]").first).to_be_visible()


def test_the_numbers_are_the_intervals(many: Page, histories: dict[str, History]) -> None:
    """As the rest of the suite writes them, rounded outwards; newest first; no mid-point anywhere."""
    many.locator("#nights summary").click()
    told = many.locator("#nights .numbers tbody tr")
    measured = [
        (str(log_out.delay), log_out.verdict.value)
        for night in reversed(histories["many"].nights)
        for log_out in night.log_outs
        if log_out.usable and log_out.action == ALL
    ]
    shown = [tuple(row.locator("td").all_inner_texts()) for row in told.all()]
    assert [row for row in shown if row[1] != "not measured"] == measured
    assert len(shown) == len(measured) + 3


def test_the_band_is_drawn(many: Page) -> None:
    """Where the estimate leaves it open how many were still in, an area shows it, and it is not empty."""
    many.locator("#survival summary").click()
    shares = [
        row.locator("td").all_inner_texts() for row in many.locator("#survival .numbers tbody tr").all()
    ]
    assert any(low != high for low, high in shares)
    band = many.locator("#survival svg .mark-area path").first
    box = band.bounding_box()
    assert box is not None
    assert box["width"] > 100
    assert box["height"] > 100


def test_late_and_undetermined_nights_have_shapes_of_their_own(many: Page) -> None:
    """So that they are found without seeing colours; the legend names them."""
    shapes = many.locator("#nights svg .mark-symbol.role-mark path")
    drawn = {shape.get_attribute("d") for shape in shapes.all()}
    assert len(drawn) >= 4, "late, undetermined, not measured, no end seen"
    legend = many.locator("#nights svg .role-legend text").all_text_contents()
    assert {"late", "undetermined", "not measured"} <= set(legend)


def test_a_change_is_marked(many: Page) -> None:
    """Its line and the first night after it, in words."""
    expect(many.locator("#nights svg text").filter(has_text="longer from 2026-03-").first).to_be_visible()
    expect(many.locator("#nights figcaption")).to_contain_text("Delays are longer from 2026-03-")


def test_one_can_ask_by_action_by_door_and_by_browser(many: Page) -> None:
    """The pictures and the words follow, and so does the table beside them."""
    through = many.get_by_label("Seen through", exact=True)
    groups = through.locator("optgroup").evaluate_all("(groups) => groups.map((group) => group.label)")
    assert groups == ["One door", "One product", "One browser"]
    before = many.locator("#survival figcaption").inner_text()
    through.select_option(label="page")
    expect(many.locator("#survival figcaption")).not_to_have_text(before)
    expect(many.locator("#told")).to_contain_text("87 nights, none late")
    expect(many.locator("#glance tr.chosen th")).to_have_text("page")
    many.locator(".pictures").get_by_label("Log-out").first.select_option("log out one")
    expect(through.locator("option:checked")).to_have_text("all doors")
    many.locator("#glance").get_by_role("button", name="firefox").click()
    expect(through.locator("option:checked")).to_have_text("firefox")
    expect(through).to_be_focused()


def test_one_can_look_at_the_last_nights_only(many: Page) -> None:
    """Only the bars of the last thirty are drawn then."""
    bars = many.locator("#nights svg .mark-rect.role-mark path")
    expect(bars).to_have_count(87)
    many.get_by_label("Nights", exact=True).select_option(label="the last 30")
    expect(bars).to_have_count(30)


def test_the_table_is_filtered_by_keyboard(many: Page) -> None:
    """By words and by verdict; how many are left is announced."""
    count = many.get_by_role("status").filter(has_text="log-outs")
    expect(count).to_have_text("178 log-outs")
    many.get_by_label("Find").focus()
    many.keyboard.type("2026-01 firefox one")
    expect(count).to_have_text("10 of 178 log-outs")
    many.get_by_label("Find").fill("")
    many.keyboard.press("Tab")
    many.keyboard.press("Tab")
    expect(many.get_by_label("Verdict")).to_be_focused()
    many.keyboard.type("late")
    expect(count).to_have_text("1 of 178 log-outs")
    expect(rows(many)).to_have_count(1)
    expect(rows(many)).to_contain_text("late")
    many.get_by_label("Find").fill("nothing like this")
    expect(many.get_by_role("status").filter(has_text="No log-out is like that")).to_be_visible()


def test_what_was_left_out_says_why(many: Page) -> None:
    """Four log-outs that count for nothing are listed all the same."""
    many.get_by_label("Verdict").select_option(label="left out")
    expect(rows(many)).to_have_count(4)
    expect(rows(many).first).to_contain_text("a session that should stay alive died")


def test_the_table_is_sorted_by_keyboard(many: Page) -> None:
    """Its heads are buttons that say in which order it is: first up, then down; at first newest first."""
    clicked = many.get_by_role("columnheader", name="Clicked")
    delay = many.get_by_role("columnheader", name="Delay")
    expect(clicked).to_have_attribute("aria-sort", "descending")
    assert column(many, 1) == sorted(column(many, 1), reverse=True)
    delay.get_by_role("button").focus()
    many.keyboard.press("Enter")
    expect(delay).to_have_attribute("aria-sort", "ascending")
    expect(clicked).not_to_have_attribute("aria-sort", re.compile("."))
    up = [float(told.split()[0]) for told in column(many, 3)]
    assert up == sorted(up)
    many.keyboard.press("Enter")
    expect(delay).to_have_attribute("aria-sort", "descending")
    lower = [float(told.removeprefix("over ").split()[0]) for told in column(many, 3)]
    assert lower == sorted(lower, reverse=True)
    assert lower[0] > up[-1]


def test_the_table_has_pages(many: Page) -> None:
    """Twenty-five lines each; the last one holds the rest."""
    expect(rows(many)).to_have_count(25)
    first = column(many, 1)
    many.get_by_role("button", name="Next").focus()
    many.keyboard.press("Enter")
    expect(many.locator("#page")).to_have_text("2 of 8")
    assert not set(first) & set(column(many, 1))
    for _ in range(6):
        many.keyboard.press("Enter")
    expect(rows(many)).to_have_count(3)
    expect(many.get_by_role("button", name="Next")).to_be_disabled()


def test_a_night_s_report_is_a_click_away(many: Page, histories: dict[str, History]) -> None:
    """Where there is one; elsewhere it says that there is none, instead of a link that leads nowhere."""
    night = histories["many"].nights[REPORTED]
    many.get_by_label("Find").fill(night.name)
    links = many.get_by_role("link", name=f"report of night {night.name}")
    expect(links).to_have_count(2)
    many.get_by_label("Find").fill("")
    expect(rows(many).first).to_contain_text("no report")
    many.get_by_label("Find").fill(night.name)
    links.first.click()
    expect(many).to_have_title("the report of a night")


def test_the_doors_of_the_last_night_are_there(many: Page) -> None:
    """Session by session; one chooses between the log-outs of that night."""
    axis = many.locator("#doors svg .role-axis-label text").all_text_contents()
    assert [word for word in axis if word.isalpha()] == [
        *("primary", "page", "codex", "access"),
        *("secondary", "page", "codex", "access"),
    ] or {"primary", "secondary", "page", "codex", "access"} <= set(axis)
    which = many.locator("#door-log-out")
    expect(which.locator("option:checked")).to_have_text(re.compile("^log out all, .* UTC: within$"))
    which.select_option(index=0)
    expect(many.locator("#doors figcaption")).to_have_text(re.compile("^Log out one: "))


def test_one_can_skip_to_the_findings(many: Page) -> None:
    """The first stop of the keyboard; from there on, every stop is seen."""
    many.keyboard.press("Tab")
    skip = many.get_by_role("link", name="Skip to the findings")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    many.keyboard.press("Enter")
    expect(many.locator("#main")).to_be_focused()
    many.keyboard.press("Tab")
    outline = many.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_what_a_file_says_is_shown_as_text(opened: Open) -> None:
    """Also where it looks like a page's own: in options, legends, captions and the table."""
    with opened("hostile") as visit:
        expect(rows(visit.page).first).to_contain_text("</script><script>document.title='taken'</script>")
        visit.page.locator("#door-log-out").select_option(index=1)
        visit.page.get_by_label("Seen through", exact=True).select_option(index=1)
        visit.page.locator("#nights svg .mark-rect.role-mark path").first.hover()
        assert visit.page.locator("img[src=x]").count() == 0
        assert visit.complaints == []
        assert visit.requests == [visit.page.url]
        assert "taken" not in visit.page.title()


def test_ten_years_of_nights_open(folder: Path, opened: Open) -> None:
    """3,650 nights are drawn on a canvas, each of them; the table has its pages, and finds the last."""
    made = Made(
        3650, late=(900, 3500), open=(44,), worse_from=2900, doors=("access",), browsers=("chromium 156.0",)
    )
    keep_page(folder / "decade.html", history(made))
    with opened("decade") as visit:
        page = visit.page
        expect(page.locator("#count")).to_have_text("7,300 log-outs")
        expect(page.locator("#nights canvas")).to_be_visible()
        colours = page.locator("#nights canvas").evaluate(
            "(canvas) => new Set(new Uint32Array(canvas.getContext('2d')"
            ".getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size"
        )
        assert colours > 20, "the canvas is blank"
        page.get_by_label("Find").fill("2035-12-31")
        expect(rows(page)).to_have_count(2)
        page.get_by_label("Nights", exact=True).select_option(label="the last 90")
        expect(page.locator("#nights svg")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= DESKTOP
        assert visit.complaints == []


def test_a_visit_notices_what_a_page_asks_for(opened: Open, folder: Path) -> None:
    """Or the tests above would pass for a page that loads its letters from elsewhere."""
    html = (folder / "one.html").read_text(encoding="utf-8")
    asking = html.replace("img-src data:", "img-src *").replace(
        "<main", '<img src="http://localhost:9/x" alt=""><main'
    )
    (folder / "asking.html").write_text(asking, encoding="utf-8")
    with opened("asking") as visit:
        assert seen(visit) == ["http://localhost:9/x"]
        assert visit.complaints


def seen(visit: Visit) -> list[str]:
    """What it asked for beside itself."""
    return [url for url in visit.requests if url != visit.page.url]
