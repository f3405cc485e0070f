"""Build the site: `python docs/build.py` writes docs/_build/html, in English and in Chinese. A warning is an error.

    python docs/build.py                 both languages
    python docs/build.py en              one of them
    python docs/build.py --book zh       the chapters alone, into docs/_build/book: in seconds, for those who write them

It needs `pip install -e ".[docs]"` and Node with npm, which typesets the formulas once and for all (KaTeX): the pages then need
no network, and open from their folder.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE / "_build"
LANGUAGES = {"en": "en", "zh": "zh_CN"}
START = '<!doctype html><meta charset="utf-8"><title>ninx</title><meta http-equiv="refresh" content="0; url=en/index.html">'


def main(wanted: list[str]) -> int:
    """Build the languages; the exit code is that of the first build that failed."""
    name = "book" if "--book" in wanted else "html"
    wanted = [language for language in wanted if language != "--book"]
    if unknown := set(wanted) - set(LANGUAGES):
        print(f"There is no language {', '.join(sorted(unknown))}: give {' or '.join(LANGUAGES)}, or nothing for both.")
        return 2
    if problem := fetch_katex():
        print(problem)
        return 2
    # Without the reference its links lead nowhere: then a warning is only a warning.
    strict = ["-t", "book"] if name == "book" else ["-W", "--keep-going", "-n"]
    for language in wanted or LANGUAGES:
        out, trees = BUILD / name / language, BUILD / "doctrees" / name / language
        options = [*strict, "-q", "-b", "html", "-d", str(trees), "-D", f"language={LANGUAGES[language]}"]
        if code := subprocess.run([sys.executable, "-m", "sphinx", *options, str(HERE), str(out)], check=False).returncode:
            return code
    (BUILD / name / "index.html").write_text(START, encoding="utf-8")
    print(f"Wrote {BUILD / name / 'index.html'}")
    return 0


def fetch_katex() -> str:
    """Lay KaTeX's style and fonts where Sphinx finds them, once for each version; the reason why not, or ""."""
    lock, there = (HERE / "package-lock.json").read_bytes(), BUILD / "node" / "package-lock.json"
    if there.exists() and there.read_bytes() == lock:
        return ""
    if not shutil.which("node") or not (npm := shutil.which("npm")):
        return "The formulas are typeset by KaTeX, which needs Node and npm: apt-get install nodejs npm"
    there.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "package.json", there.parent)
    shutil.copy(HERE / "package-lock.json", there)
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=there.parent, capture_output=True, text=True, check=False
    )
    if done.returncode:
        there.unlink()
        return f"npm could not install KaTeX: {done.stderr.strip()[-300:]}"
    made, laid = there.parent / "node_modules" / "katex" / "dist", BUILD / "katex" / "katex"
    shutil.rmtree(laid, ignore_errors=True)
    (laid / "fonts").mkdir(parents=True)
    shutil.copy(made / "katex.min.css", laid)
    for font in (made / "fonts").glob("*.woff2"):
        shutil.copy(font, laid / "fonts")
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
