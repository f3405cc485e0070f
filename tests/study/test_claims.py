"""The claims about Network in Network: the figures of the notes, other inputs with other figures and verdicts, both languages."""

from __future__ import annotations

import inspect
import json
import re
import string
from typing import Any

import numpy as np
import pytest
import torch
from rich.cells import cell_len
from rooms import ROOT

import ninx
from ninx import nn
from ninx.study import claims
from ninx.study.claims.telling import PARTS
from ninx.tables import wrapped

# fmt: off
FALSE = [
    "affiliation", "megabytes", "54-vs-27", "forty-logits", "relu-index", "growth", "upsampling", "bn-batch-1", "not-a-nin",
    "vgg-count", "receptive-field", "padded-average", "dead-maps",
]
TRUE = ["every-pixel", "fewer-channels", "same-channels", "ten-times-less", "im2col", "small-share", "dense-heads"]
# fmt: on
CLOSING = tuple("\uff0c\u3002\uff1b\uff1a\u3001\uff09")  # comma, full stop and so on, as Chinese has them
EXPECTED = dict.fromkeys(FALSE, "false") | dict.fromkeys(TRUE, "true")
EXPECTED |= {"non-linearity": "half true", "embedded": "half true", "significance": "cannot be known"}


@pytest.fixture(scope="module")
def answers() -> dict[str, claims.Answer]:
    return {answer.name: answer for answer in claims.check_all()}


def test_the_verdicts(answers: dict[str, claims.Answer]) -> None:
    assert {name: answer.verdict for name, answer in answers.items()} == EXPECTED


# Figures that were worked out elsewhere, layer by layer or in PyTorch.
FIGURES: dict[str, dict[str, Any]] = {
    "megabytes": {"parameters": [60_965_224, 7_595_176], "ratio": 8.03, "claimed_is_mib": True},
    "54-vs-27": {"direct": 54, "first": 3, "second": 18, "found": 21, "wide": 63, "most": 2, "nin_share": 16.5},
    "forty-logits": {"scores": 40, "per_map": 4, "maps_read": [0, 0, 0, 0, 1, 1, 1, 1, 2, 2], "accepted": True},
    "growth": {"identity": 0.0, "equal_channels": True},
    "upsampling": {"large_macs": 43_088_640, "times": 64, "lost": 0.0},
    "bn-batch-1": {"scores": 0, "in_eval": 10},
    "not-a-nin": {"with_kernel": 1, "stages": 3, "linear": 1, "before": 534_528, "after": 5_120, "share": 57.1},
    "vgg-count": {"convolutions": 13, "dense": 3, "both": 16},
    "embedded": {"fewer": 8.03, "more": 1.52, "macs": (1_100_188_800, 724_406_816)},
    "receptive-field": {"first": (5, 5), "last": (5, 5)},
    "padded-average": {"corner": 4 / 9, "edge": 2 / 3, "inside": 1.0, "authors": 1.0},
    "dead-maps": {"first": 2.302585, "last": 2.302585, "slope": 0.0},
    "every-pixel": {"positions": 36, "length": 32},
    "fewer-channels": {"weights": 6_144, "macs": 4_816_896, "shape": (32, 28, 28)},
    "same-channels": {"parameters": 37_056, "macs": 28_901_376},
    "ten-times-less": {"direct": 120_422_400, "squeezed": 12_443_648, "ratio": 9.68},
    "dense-heads": {"first_of_vgg16": 102_760_448},
}


@pytest.mark.parametrize("name", FIGURES)
def test_the_figures(answers: dict[str, claims.Answer], name: str) -> None:
    for figure, value in FIGURES[name].items():
        found = answers[name].figures[figure]
        assert found == pytest.approx(value, rel=1e-3) if isinstance(value, float) else found == value, figure


def test_figures_that_come_in_lists(answers: dict[str, claims.Answer]) -> None:
    tests = answers["significance"].figures
    assert [round(z, 2) for z in tests["z"]] == [0.30, 1.64, 1.94]
    assert [float(f"{p:.2g}") for p in tests["p"]] == [0.77, 0.10, 0.052]
    assert [round(share, 1) for share in answers["small-share"].figures["shares"].values()] == [30.8, 24.9, 24.2, 22.1, 19.9]
    assert [round(mib, 1) for mib in answers["megabytes"].figures["mib"]] == [232.6, 29.0]


# (claim, other inputs, the verdict on them, a figure that changes)
PERTURBED: list[tuple[str, dict[str, Any], str, str]] = [
    ("affiliation", {"address": "someone@cs.berkeley.edu"}, "true", "domain"),
    ("affiliation", {"address": "someone@notberkeley.edu"}, "false", "domain"),
    ("megabytes", {"claimed": (61, 7.6)}, "true", "claimed"),
    ("megabytes", {"claimed": (61, 29)}, "half true", "claimed_is_mib"),
    ("megabytes", {"small": "nin-cifar10"}, "false", "ratio"),
    ("54-vs-27", {"claimed": (54, 21)}, "true", ""),
    ("54-vs-27", {"through": 3, "claimed": (54, 63)}, "half true", "found"),
    ("54-vs-27", {"outputs": 8}, "false", "direct"),
    ("forty-logits", {"side": 112}, "true", "scores"),
    ("forty-logits", {"side": 336}, "false", "scores"),
    ("relu-index", {"large": "nin-mnist-v0"}, "true", "copied"),
    ("growth", {"new": "identity"}, "true", "changed"),
    ("growth", {"value": 0.01}, "false", "changed"),
    ("significance", {"images": 1_000_000}, "half true", "p"),
    ("significance", {"accuracies": (0.95, 0.96, 0.97)}, "half true", "z"),
    ("upsampling", {"large": 56}, "false", "times"),
    ("upsampling", {"network": "nin-d2l"}, "true", "small_macs"),
    ("bn-batch-1", {"batch": 2}, "true", "scores"),
    ("bn-batch-1", {"side": 96}, "true", "scores"),
    ("not-a-nin", {"network": "nin-cifar10"}, "true", "linear"),
    ("vgg-count", {"claimed": 13}, "true", ""),
    ("vgg-count", {"network": "vgg11"}, "false", "convolutions"),
    ("non-linearity", {"after": nn.Identity()}, "false", "with_relu"),
    ("embedded", {"small": "nin-cifar10"}, "true", "macs"),
    ("embedded", {"small": "vgg16"}, "false", "fewer"),
    ("receptive-field", {"kernels": (5, 3, 1)}, "half true", "last"),
    ("receptive-field", {"kernels": (5, 1, 1), "side": 5}, "true", "image"),
    ("padded-average", {"padding": 0}, "true", "corner"),
    ("padded-average", {"count_include_pad": False}, "true", "edge"),
    ("dead-maps", {"last_relu": False}, "true", "slope"),
    ("dead-maps", {"bias": 1.0}, "true", "first"),
    ("every-pixel", {"kernel": 3}, "false", "gap"),
    ("fewer-channels", {"outputs": 64}, "half true", "weights"),
    ("fewer-channels", {"kernel": 3}, "false", "shape"),
    ("same-channels", {"relu": False}, "half true", "bent"),
    ("same-channels", {"kernel": 3, "channels": 8, "relu": False}, "false", "macs"),
    ("ten-times-less", {"through": 64}, "false", "ratio"),
    ("ten-times-less", {"kernel": 3}, "false", "direct"),
    ("im2col", {"kernel": 3, "padding": 1}, "false", "columns"),
    ("im2col", {"stride": 2}, "false", "columns"),
    ("small-share", {"claimed": 25}, "half true", ""),
    ("small-share", {"networks": ("nin-bn-fc",)}, "false", "shares"),
    ("dense-heads", {"networks": ("alexnet", "nin-bn-fc")}, "half true", "shares"),
]


@pytest.mark.parametrize(("name", "inputs", "verdict", "figure"), PERTURBED)
def test_other_inputs_give_other_figures(
    answers: dict[str, claims.Answer], name: str, inputs: dict[str, Any], verdict: str, figure: str
) -> None:
    changed = claims.check(name, **inputs)
    assert changed.verdict == verdict
    if figure:
        assert changed.figures[figure] != answers[name].figures[figure]
    assert changed.story()


def test_every_claim_is_perturbed_to_another_verdict() -> None:
    assert {name for name, _, verdict, _ in PERTURBED if verdict != EXPECTED[name]} == set(claims.names()) == set(EXPECTED)


def test_the_scores_and_the_means_against_pytorch() -> None:
    """Two of the figures that were first found in PyTorch, found there again."""
    image = torch.zeros(1, 10, 28, 28)
    assert torch.nn.AvgPool2d(14)(image).flatten(1).shape[1] == claims.check("forty-logits").figures["scores"]
    y = torch.nn.AvgPool2d(3, 2, 1)(torch.ones(1, 1, 8, 8))[0, 0]
    found = claims.check("padded-average").figures
    assert (found["corner"], found["edge"], found["inside"]) == pytest.approx((y[0, 0].item(), y[0, 1].item(), y[1, 1].item()))


# -------------------------------------------------------------------- words


def places(template: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(template) if field is not None}


def test_both_languages_say_the_same() -> None:
    """The same claims in the same order, each with the same parts, and in each part the same figures."""
    english, chinese = claims.words("en"), claims.words("zh")
    assert list(english) == list(chinese) == ["*", *claims.names()]
    for name in english:
        assert list(english[name]) == list(chinese[name]), name
        for part in english[name]:
            assert places(english[name][part]) == places(chinese[name][part]), (name, part)
    assert set(PARTS) | set(claims.VERDICTS) <= set(english["*"])


@pytest.mark.parametrize("language", claims.LANGUAGES)
def test_everything_fits_80_columns(language: str) -> None:
    """A Chinese sign takes two of them."""
    table = claims.check_all(language)
    assert max(map(cell_len, repr(table).splitlines())) <= 80
    assert len(table.sheet().rows) == len(claims.names())
    for answer in table:
        lines = str(answer).splitlines()
        assert max(map(cell_len, lines)) <= 80, answer.name
        assert 7 <= len(answer.story()) <= 17, answer.name
        assert answer.say("verdict") in str(answer)
        assert answer._repr_html_().count("<tr>") == len(PARTS)
    assert table._repr_html_().count("<tr>") == 1 + len(table)


def test_the_chinese_answer_has_the_figures_of_the_english_one() -> None:
    english, chinese = claims.check("54-vs-27"), claims.check("54-vs-27", "zh")
    assert (english.figures, english.verdict, english.code) == (chinese.figures, chinese.verdict, chinese.code)
    assert chinese.say("verdict") == "假"
    assert "3 + 18 = 21" in chinese.say("result")
    assert "3 + 18 = 21" in english.say("result")


@pytest.mark.parametrize("width", [8, 20, 41])
def test_wrapping_loses_nothing_and_breaks_where_it_may(width: int) -> None:
    text = claims.words("zh")["not-a-nin"]["why"] + claims.words("en")["embedded"]["why"]
    lines = wrapped(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(cell_len(line) <= width or " " not in line for line in lines)
    assert not [line for line in lines if line.startswith(CLOSING)]


def test_a_piece_of_text_that_is_too_wide_stays_whole() -> None:
    assert wrapped("see https://arxiv.org/abs/1312.4400 there", 10) == ["see", "https://arxiv.org/abs/1312.4400", "there"]


# -------------------------------------------------------------------- answers


def test_the_code_is_that_which_ran(answers: dict[str, claims.Answer]) -> None:
    for name, answer in answers.items():
        assert answer.code == inspect.getsource(claims.CHECKS[name])
        parameters = inspect.signature(claims.CHECKS[name]).parameters.values()
        assert all(p.default is not p.empty for p in parameters), name


def test_the_data_are_json(answers: dict[str, claims.Answer]) -> None:
    for name, answer in answers.items():
        data = json.loads(json.dumps(answer.as_data(), allow_nan=False))
        assert (data["id"], data["verdict"]) == (name, EXPECTED[name])
        assert data["result"] == answer.say("result")


def test_the_random_generator_goes_on_as_if_nothing_had_been_drawn() -> None:
    ninx.manual_seed(3)
    expected = ninx.rand(4).numpy()
    ninx.manual_seed(3)
    claims.check("growth")
    np.testing.assert_array_equal(ninx.rand(4).numpy(), expected)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: claims.check("54-vs-72"), "there is no claim '54-vs-72'; did you mean '54-vs-27'"),
        (lambda: claims.check("embedded", "de"), "there is no language 'de'; there are: en, zh"),
    ],
)
def test_unknown_names(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


def test_the_page_shows_what_the_command_prints(answers: dict[str, claims.Answer]) -> None:
    page = (ROOT / "docs" / "CLAIMS.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```text\n(.*?)\n```$", page, re.MULTILINE | re.DOTALL)
    assert shown == [repr(claims.Answers(answers.values())), "\n".join(answers["54-vs-27"].story())]
    modules = {check.__module__.rpartition(".")[2] for check in claims.CHECKS.values()}
    assert all(f"`{module}.py`" in page for module in modules)
