"""A map of attention in a terminal: squares between tokens, or the tokens that were looked at most."""

import io

import torch
from rich.cells import cell_len
from rich.console import Console

from mapsto.cli.screen import print_attention
from mapsto.insight.attention_maps import AttentionMap


def shown(rows, columns, weights, width=60):
    console = Console(file=io.StringIO(), width=width, soft_wrap=True, highlight=False, markup=False)
    print_attention(AttentionMap(rows, columns, torch.tensor(weights), "decoder.0.cross", 0), console)
    return console.file.getvalue().split("\n")


def test_tokens_stand_on_both_sides_and_squares_between():
    lines = shown(["a", "dog"], ["ein", "Hund"], [[0.8, 0.3], [0.0, 1.0]])
    assert lines[1] == "where it looked (decoder.0.cross, the mean over its heads):"
    assert lines[2:6] == ["      H", "    e u", "    i n", "    n d"]
    assert lines[6:9] == ["  a ██▒▒", "dog   ██", "██ is 0.80"]


def test_wide_letters_and_marks_keep_their_columns():
    lines = shown(["개", "e\u0301t\u00e9"], ["고양이", "ab"], [[0.5, 0.5], [0.9, 0.1]])
    squares = [line for line in lines if "▓" in line or "█" in line][:2]
    assert {cell_len(line[: line.index(mark)]) for line, mark in zip(squares, "▓█", strict=True)} == {4}
    assert lines[3].startswith("    양a") and lines[4].startswith("    이b")


def test_what_is_too_wide_is_told_in_words():
    rows, columns = ["a", "b"], [f"w{k}" for k in range(40)]
    weights = torch.zeros(2, 40)
    weights[0, 7], weights[0, 3], weights[1, 39] = 0.75, 0.25, 1.0
    lines = shown(rows, columns, weights.tolist())
    assert lines[2:4] == ["a  w7 0.75  w3 0.25", "b  w39 1.00"]


def test_nothing_in_a_token_is_obeyed():
    assert "\x1b" not in "".join(shown(["\x1b[31mred"], ["[bold]"], [[1.0]]))
