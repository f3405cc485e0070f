"""The page that all pages are made of: whole, closed, readable; and the browser of the tests sees what is wrong with one."""

from pathlib import Path

import pytest
from browser import serious, visit

from ninx.study.pages import page

READ = {"do": "evaluate", "expression": "pageData().text"}
NASTY = "</script><script>document.title = 'stolen'</script><!-- \u2028 & \" ' <b>"
BODY = '<main><h1>Title</h1><p>Words.</p><div class="scrolls" tabindex="0"><table>{}</table></div></main>'
WIDE = BODY.format("<tr><th>a</th>" + "<td>123456.789</td>" * 30 + "</tr>")


@pytest.mark.parametrize("browser", ["chrome", pytest.param("firefox", marks=pytest.mark.slow)])
def test_data_and_title_cannot_break_out_of_their_place(tmp_path: Path, browser: str) -> None:
    path = tmp_path / "page.html"
    path.write_text(page(NASTY, WIDE, data={"text": NASTY}), encoding="utf-8")
    seen = visit(path, READ, {"do": "evaluate", "expression": "document.title"}, {"do": "axe"}, browser=browser)
    assert seen.results[0] == NASTY
    assert seen.results[1] == NASTY
    assert not serious(seen.results[2])
    assert (seen.errors, seen.requests) == ([], [])


@pytest.mark.parametrize("text", ["x = '</script>'", "/* <!-- */", "x = '</STYLE'"])
def test_a_script_that_would_end_itself_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="page: a script or style holds"):
        page("t", "", scripts=[text])


def test_data_that_json_has_not_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        page("t", "", data=float("nan"))


def test_only_the_scripts_of_the_page_run_and_nothing_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    body = "<main><img src='https://example.invalid/x.png' alt='' onerror='bad = 1'><script>bad = 2</script></main>"
    path.write_text(page("t", body, scripts=["window.good = 1"]), encoding="utf-8")
    seen = visit(path, {"do": "evaluate", "expression": "[window.good, window.bad]"})
    assert seen.results == [[1, None]]
    assert any("Content Security Policy" in said for said in seen.errors)  # and the tests' browser hears of it


def test_a_narrow_screen_scrolls_the_table_not_the_page(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(page("t", WIDE), encoding="utf-8")
    wide = {"do": "evaluate", "expression": "document.documentElement.scrollWidth"}
    assert visit(path, wide, width=390).results == [390]


def test_the_button_changes_between_light_and_dark(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(page("t", WIDE), encoding="utf-8")
    colour = {"do": "evaluate", "expression": "getComputedStyle(document.documentElement).backgroundColor"}
    light, dark = (
        visit(path, colour, {"do": "click", "selector": ".theme"}, colour, scheme=s).results for s in ("light", "dark")
    )
    assert light[0] == dark[2] != light[2] == dark[0]


def test_the_browser_of_the_tests_hears_errors(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(
        page("t", WIDE, scripts=["console.error('oh'); setTimeout(() => { throw new Error('no') }, 0)"]), encoding="utf-8"
    )
    seen = visit(path, {"do": "evaluate", "expression": "new Promise((done) => setTimeout(done, 50))"})
    assert seen.errors == ["console: oh", "page: no"]
