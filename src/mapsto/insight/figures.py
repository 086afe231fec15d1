"""The report's pictures: charts as SVG text, photographs as PNG addresses. No global state of matplotlib is touched.

One accent colour for what matters, grey for what it is compared with, and no more ink than the figures need. Letters
stay letters (the reader's fonts draw them), so that a class may be named in any script.
"""

from __future__ import annotations

import base64
import io
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from mapsto.core.errors import ShapeError
from mapsto.core.nouns import Estimate
from mapsto.insight.words import number, words
from mapsto.measures.interval import wilson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.colors import Colormap

ACCENT, GREY, INK, FAINT, GRID = "#2563eb", "#9ca3af", "#1f2937", "#6b7280", "#e5e7eb"
POINTS = 1000  # a scatter shows at most so many
PLACES = 40  # tokens on a side of a map of attention
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "mapsto",
    "text.parse_math": False,  # a class may be called "$5–$10"
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.edgecolor": GREY,
    "axes.labelcolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": FAINT,
    "ytick.labelcolor": FAINT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}


def loss_curve(curve: list[dict[str, float]], best_step: int | None = None) -> str:
    """Loss over steps; the points have "step" and "train_loss", "valid_loss" or both."""
    return _curve(curve, "train_loss", "valid_loss", "loss", best_step)


def score_curve(curve: list[dict[str, float]], measure: str, best_step: int | None = None) -> str:
    """The measure over steps; the points have "step" and "train_score", "valid_score" or both."""
    return _curve(curve, "train_score", "valid_score", measure, best_step)


def confusion(matrix: np.ndarray, classes: list[str]) -> str:
    """How often each true class (a row) was taken for which (a column); matrix [C, C] of counts.

    A square's colour is its share of its row. Up to 12 classes the counts are written in, up to 40 each class is named.
    """
    count = len(classes)
    if matrix.shape != (count, count):
        raise ShapeError(f"confusion needs a matrix [C, C] for its C = {count} classes, but was given {matrix.shape}.")
    side = min(0.62, 5.2 / count) if count > 3 else 0.8  # inches
    every = -(-count // 40)
    names = [_short(name, 16) for name in classes][::every]
    size = 10 if side > 0.2 else max(6.0, 72 * side * every * 0.85)
    margin = max(map(_width, names)) * size / 72 + 0.15
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    upright = count > 12 or max(map(_width, names)) * size / 72 > side * 0.95
    below = (margin if upright else 0.25) + 0.25
    with _axes(side * count, side * count, margin + 0.35, below, right=0.25, top=0.15) as (ax, svg):
        ax.imshow(share, cmap=_blues(), vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        places = range(0, count, every)
        ax.set_xticks(places, names, rotation=90 if upright else 0, size=size)
        ax.set_yticks(places, names, size=size)
        ax.set_xlabel("predicted", labelpad=7)
        ax.set_ylabel("true", labelpad=7)
        ax.grid(False)
        ax.spines[:].set_visible(False)
        if count <= 12:
            largest = len(f"{int(matrix.max()):,}")
            for i, j in np.ndindex(count, count):
                if matrix[i, j]:
                    colour = "white" if share[i, j] > 0.5 else INK
                    ax.text(j, i, f"{int(matrix[i, j]):,}", ha="center", va="center", color=colour,
                            size=min(10, 72 * side * 0.85 / (0.62 * largest)))  # fmt: skip
    return svg()


def attention(shades: np.ndarray, rows: list[str], columns: list[str]) -> str:
    """How much each of `rows` looked at each of `columns`, shades [T, S] in [0, 1]; of more than PLACES on a side, the first."""
    if shades.shape != (len(rows), len(columns)):
        raise ShapeError(
            f"attention needs shades [T, S] of its {len(rows)} rows and {len(columns)} columns, but was given {shades.shape}."
        )
    beside, above = ([_short(name, 14) for name in names[:PLACES]] for names in (rows, columns))
    side, size = 0.21, 8.5  # inches, points
    left, top = (max(map(_width, names)) * size / 72 + 0.15 for names in (beside, above))
    upright = any(len(name) > 1 for name in above)
    with _axes(side * len(above), side * len(beside), left, 0.1, right=0.1, top=top if upright else 0.3) as (ax, svg):
        ax.imshow(shades[:PLACES, :PLACES], cmap=_blues(), vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        ax.set_xticks(range(len(above)), above, rotation=90 if upright else 0, size=size, color=INK)
        ax.set_yticks(range(len(beside)), beside, size=size, color=INK)
        ax.tick_params(axis="x", labeltop=True, labelbottom=False)
        ax.grid(False)
        ax.spines[:].set_visible(False)
    return svg()


def predicted_and_true(prediction: np.ndarray, target: np.ndarray) -> str:
    """Predicted [N] over true [N] numbers; on the line the two are one."""
    shown = _some(len(target))
    with _axes(3.2, 3.0, 0.95, 0.55, top=0.2) as (ax, svg):
        ends = [min(target.min(), prediction.min()), max(target.max(), prediction.max())]
        ax.plot(ends, ends, color=GREY, linewidth=1)
        _cloud(ax, target[shown], prediction[shown])
        ax.set(xlabel="true", ylabel="predicted")
        _numbers(ax.xaxis, 4)
        _numbers(ax.yaxis, 5)
    return svg()


def residuals(prediction: np.ndarray, target: np.ndarray) -> str:
    """True − predicted over predicted numbers, both [N]; a bow or a funnel is something left to learn."""
    shown = _some(len(target))
    with _axes(3.2, 3.0, 0.95, 0.55, top=0.2) as (ax, svg):
        ax.axhline(0, color=GREY, linewidth=1)
        _cloud(ax, prediction[shown], (target - prediction)[shown])
        ax.set(xlabel="predicted", ylabel="true − predicted")
        _numbers(ax.xaxis, 4)
        _numbers(ax.yaxis, 5)
    return svg()


def calibration(stated: np.ndarray, came: np.ndarray, bins: int = 10) -> str:
    """How often it came true over how sure it was; stated in [0, 1] and came 0 or 1, both [N]. Grey: how many."""
    bin = np.clip(np.ceil(stated * bins).astype(int) - 1, 0, bins - 1)
    with _axes(3.3, 3.0, 0.65, 0.55, top=0.2) as (ax, svg):
        sizes = np.bincount(bin, minlength=bins)
        ax.bar((np.arange(bins) + 0.5) / bins, 0.2 * sizes / max(sizes.max(), 1), 0.86 / bins, color=GRID)
        ax.plot([0, 1], [0, 1], color=GREY, linewidth=1)
        for b in np.flatnonzero(sizes):
            share = float(came[bin == b].mean())
            low, high = wilson(share, int(sizes[b]))
            x = float(stated[bin == b].mean())
            ax.plot([x, x], [low, high], color=ACCENT, linewidth=1.2, alpha=0.6)
            ax.plot(x, share, "o", color=ACCENT, markersize=5)
        ax.set(xlabel="how sure it was", ylabel="how often it was right", xlim=(0, 1), ylim=(0, 1.02))
    return svg()


def class_bars(values: dict[str, Estimate], measure: str, better: int = 1, most: int = 30) -> str:
    """One bar a class or label, worst first; of more than `most` the worst."""
    order = sorted(values, key=lambda name: _sorted_value(better * values[name].value))[:most]
    title = measure if len(order) == len(values) else f"{measure}: the {most} worst of {len(values)}"
    return _bars({name: values[name] for name in order}, title, set())


def baseline_bars(values: dict[str, Estimate], measure: str, better: int, deep: str) -> str:
    """One bar a model with its interval, best first; the one called `deep` in the accent colour."""
    order = sorted(values, key=lambda name: -_sorted_value(better * values[name].value))
    wanted = "more is better" if better > 0 else "less is better"
    return _bars({name: values[name] for name in order}, f"{measure} ({wanted})", {deep})


def address(svg: str) -> str:
    """A chart as a `data:` address, to stand in an <img>: on its own, its names and styles meet no others."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def photograph(pixels: np.ndarray, side: int = 112) -> str:
    """A picture, uint8 [H, W], [H, W, 1], [H, W, 3] or [H, W, 4], as a PNG `data:` address, about `side` pixels wide.

    A small one is enlarged in whole squares, so that a reader sees the pixels that the model saw.
    """
    from PIL import Image

    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4)):
        raise ShapeError(f"photograph needs uint8 [H, W] or [H, W, C], but was given {pixels.dtype} {pixels.shape}.")
    picture = Image.fromarray(pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)
    longest = max(picture.size)
    if longest * 2 <= side:
        times = side // longest
        picture = picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)
    elif longest > 2 * side:
        picture.thumbnail((2 * side, 2 * side), Image.Resampling.LANCZOS)  # twice as fine, for fine screens
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


@contextmanager
def _axes(
    width: float, height: float, left: float, bottom: float, right: float = 0.2, top: float = 0.3
) -> Iterator[tuple[Axes, Callable[[], str]]]:
    """Axes of `width` × `height` inches within margins, and what gives their SVG once the block is left."""
    import matplotlib
    from matplotlib.figure import Figure

    whole = (left + width + right, bottom + height + top)
    done = io.StringIO()
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")  # the reader's fonts will have it
        figure = Figure(figsize=whole)
        ax = figure.add_axes((left / whole[0], bottom / whole[1], width / whole[0], height / whole[1]))
        yield ax, done.getvalue
        figure.savefig(done, format="svg", metadata={"Date": None, "Creator": None})


def _curve(curve: list[dict[str, float]], train: str, valid: str, measure: str, best_step: int | None) -> str:
    with _axes(3.5, 2.4, 0.7, 0.55) as (ax, svg):
        for key, name, colour in ((train, "training", GREY), (valid, "validation", ACCENT)):
            points = [(p["step"], p[key]) for p in curve if p.get(key) is not None]
            if points:
                ax.plot(*zip(*points, strict=True), color=colour, label=name, marker="o" if len(points) == 1 else None)
            at = dict(points).get(best_step)
            if at is not None and key == valid:
                ax.plot(best_step, at, "o", color=ACCENT, markersize=6)
        if best_step is not None:
            ax.axvline(best_step, color=ACCENT, linewidth=0.9, linestyle=(0, (3, 3)), label=f"best step, {best_step:,}")
        ax.set(xlabel="step", title=measure)
        _numbers(ax.xaxis, 5)
        _numbers(ax.yaxis, 5)
        ax.legend(fontsize=9, handlelength=1.4)
    return svg()


def _bars(values: dict[str, Estimate], title: str, accented: set[str]) -> str:
    names = [_short(name, 24) for name in values]
    said = [words(e) for e in values.values()]
    left = max(map(_width, names), default=0) * 10 / 72 + 0.15
    right = max(map(len, said), default=0) * 6.4 / 72 + 0.2
    with _axes(3.0, 0.29 * len(values) + 0.1, left, 0.35, right=right, top=0.4) as (ax, svg):
        for place, (name, e) in enumerate(values.items()):
            if not np.isfinite(e.value):
                continue
            accent = not accented or name in accented
            ax.barh(place, e.value, 0.62, color=ACCENT if accent else "#cbd5e1", alpha=0.85 if accent else 1)
            if np.isfinite(e.low) and np.isfinite(e.high):
                ax.plot([e.low, e.high], [place, place], color=INK, linewidth=1.2)
        for place, (name, text) in enumerate(zip(values, said, strict=True)):
            ax.text(1.02, place, text, va="center", transform=ax.get_yaxis_transform(), color=INK,
                    weight="bold" if name in accented else "normal", size=9.5)  # fmt: skip
        ax.set_yticks(range(len(values)), names, color=INK)
        ax.set(title=title, ylim=(len(values) - 0.45, -0.55))
        ax.grid(False, axis="y")
        ax.axvline(0, color=GREY, linewidth=1)
        ax.spines[:].set_visible(False)
        _numbers(ax.xaxis, 5)
    return svg()


def _cloud(ax: Axes, x: np.ndarray, y: np.ndarray) -> None:
    ax.plot(x, y, "o", color=ACCENT, markersize=3, alpha=0.25 if len(x) > 300 else 0.5, markeredgewidth=0)


def _numbers(axis: Axis, most: int) -> None:
    """Few ticks, with numbers as a person writes them: 200,000 and not 2 · 10⁵ with an offset."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(most))
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.6g}".replace("-", "−") if abs(v) < 1e6 else number(v)))


def _blues() -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("blues", ["#f3f6fd", "#bcd0f8", ACCENT])


def _some(count: int) -> np.ndarray:
    """At most POINTS of `count` rows, spread evenly, [≤ POINTS]."""
    return np.unique(np.linspace(0, count - 1, min(count, POINTS)).astype(int))


def _short(text: str, em: int) -> str:
    """The text, cut where it would be wider than `em` letters; Chinese and Korean ones are about two wide."""
    text = " ".join(text.split())
    wide = 0
    for k, letter in enumerate(text):
        wide += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if wide > em:
            return text[: max(1, k - 1)].rstrip() + "…"
    return text


def _width(text: str) -> float:
    """About how wide a text is, in em."""
    return sum(1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.6 for letter in text)


def _sorted_value(value: float) -> float:
    return -np.inf if np.isnan(value) else value
