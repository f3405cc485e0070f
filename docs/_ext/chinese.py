"""Search in Chinese, where no blanks part the words: every two neighbouring characters are a term, in index and query."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.search.zh import SearchChinese

RUNS = re.compile(r"[\u4e00-\u9fff]+|[A-Za-z0-9_]+")


class Pairs(SearchChinese):
    """Latin words as Sphinx takes them; of a run of Chinese characters each pair, so that any part of it is found."""

    language_name = "English"  # Sphinx calls the stemmer by it, and the one for Latin words is English's
    js_splitter_code = """
var splitQuery = (query) =>
  (query.match(/[\\u4e00-\\u9fff]+|[A-Za-z0-9_]+/g) || []).flatMap((run) =>
    /^[A-Za-z0-9_]/.test(run) || run.length < 3
      ? [run]
      : Array.from({ length: run.length - 1 }, (_, i) => run.slice(i, i + 2)),
  );
"""

    def split(self, input: str) -> list[str]:
        """The terms of a text."""
        terms = []
        for run in RUNS.findall(input):
            if run.isascii():
                self.latin_terms.add(run)
                terms.append(run)
            else:
                terms += [run[i : i + 2] for i in range(max(1, len(run) - 1))]
        return terms


def setup(app: Sphinx) -> dict[str, Any]:
    """Told by Sphinx."""
    app.add_search_language(Pairs)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
