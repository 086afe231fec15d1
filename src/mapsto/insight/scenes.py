"""Worlds as pictures: what an observation of CartPole, Acrobot, Pendulum or MountainCar shows, drawn from its numbers alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import atan2, cos, pi, sin
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

PAPER, INK, ACCENT, FAINT = 0, 1, 2, 3  # places in the palette
PALETTE = [(255, 255, 255), (31, 41, 55), (37, 99, 235), (156, 163, 175)]
Point = tuple[float, float]  # metres, y up

# braille: the dots of a cell, two across and four down, are the bits of a letter's number
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
BLANK = 0x2800


class Canvas:
    """A picture of a stretch of the plane: `wide` × `high` pixels, `left` to `right` metres across, `floor` at its lower edge."""

    def __init__(self, wide: int, high: int, left: float, right: float, floor: float):
        from PIL import Image, ImageDraw

        self.picture = Image.new("P", (wide, high), PAPER)
        self.picture.putpalette([part for colour in PALETTE for part in colour])
        self.draw: ImageDraw = ImageDraw.Draw(self.picture)
        self.scale, self.left, self.floor, self.high = wide / (right - left), left, floor, high

    def line(self, points: Sequence[Point], metres: float, colour: int) -> None:
        """Through all points; `metres` thick, a pixel at least."""
        self.draw.line([self._at(p) for p in points], colour, max(1, round(metres * self.scale)), joint="curve")

    def box(self, middle: Point, wide: float, high: float, colour: int) -> None:
        (x, y), (a, b) = middle, (wide / 2, high / 2)
        self.draw.rectangle([self._at((x - a, y + b)), self._at((x + a, y - b))], colour)

    def disc(self, middle: Point, radius: float, colour: int) -> None:
        x, y = middle
        self.draw.ellipse([self._at((x - radius, y + radius)), self._at((x + radius, y - radius))], colour)

    def _at(self, point: Point) -> Point:
        return (point[0] - self.left) * self.scale, self.high - 1 - (point[1] - self.floor) * self.scale


def cart_pole(observation: Sequence[float], wide: int) -> Image:
    """Place of the cart, its speed, angle of the pole from upright (to the right), its angular speed."""
    place, _, angle, _ = observation
    canvas = Canvas(wide, round(wide * 0.36), -2.6, 2.6, -0.35)
    canvas.line([(-2.4, 0), (2.4, 0)], 0.02, FAINT)
    canvas.box((place, 0.0), 0.5, 0.3, INK)
    canvas.line([(place, 0.1), (place + sin(angle), 0.1 + cos(angle))], 0.1, ACCENT)
    return canvas.picture


def acrobot(observation: Sequence[float], wide: int) -> Image:
    """Cosine and sine of the first joint's angle (from hanging down) and of the second's (from the first), and their speeds."""
    first = atan2(observation[1], observation[0])
    second = first + atan2(observation[3], observation[2])
    elbow = (sin(first), -cos(first))
    hand = (elbow[0] + sin(second), elbow[1] - cos(second))
    canvas = Canvas(wide, round(wide * 0.6), -3.6, 3.6, -2.2)
    canvas.line([(-2.2, 1), (2.2, 1)], 0.02, FAINT)  # what the hand is to reach
    canvas.line([(0, 0), elbow], 0.16, INK)
    canvas.line([elbow, hand], 0.16, ACCENT)
    return canvas.picture


def pendulum(observation: Sequence[float], wide: int) -> Image:
    """Cosine and sine of the angle from upright (to the left), and its speed."""
    angle = atan2(observation[1], observation[0]) + pi / 2
    canvas = Canvas(wide, round(wide * 0.6), -2.0, 2.0, -1.2)
    canvas.disc((0, 0), 0.08, INK)
    canvas.line([(0, 0), (cos(angle), sin(angle))], 0.16, ACCENT)
    return canvas.picture


def mountain_car(observation: Sequence[float], wide: int) -> Image:
    """Place of the car, from −1.2 to 0.6 along the valley, and its speed; the goal is at 0.5."""
    place = observation[0]
    canvas = Canvas(wide, round(wide * 0.65), -1.3, 0.7, 0.0)
    canvas.line([(x / 50, _hill(x / 50)) for x in range(-60, 31)], 0.01, FAINT)
    canvas.line([(0.5, _hill(0.5)), (0.5, _hill(0.5) + 0.2)], 0.02, ACCENT)
    canvas.disc((place, _hill(place) + 0.05), 0.05, INK)
    return canvas.picture


def _hill(place: float) -> float:
    """How high the ground is there, as gymnasium draws it."""
    return 0.45 * sin(3 * place) + 0.55


@dataclass(frozen=True)
class Scene:
    """draw(observation, pixels wide) → a picture; rate: how many moves a second looks like, as gymnasium shows it."""

    draw: Callable[[Sequence[float], int], Image]
    rate: int


SCENES = {
    "CartPole": Scene(cart_pole, 50),
    "Acrobot": Scene(acrobot, 15),
    "Pendulum": Scene(pendulum, 30),
    "MountainCar": Scene(mountain_car, 30),
    "MountainCarContinuous": Scene(mountain_car, 30),
}


def in_letters(picture: Image) -> str:
    """A picture in letters of braille, each of which is two pixels wide and four high; what is no paper is a dot."""
    seen = np.asarray(picture) != PAPER
    rows, columns = -(-seen.shape[0] // 4), -(-seen.shape[1] // 2)
    padded = np.zeros((4 * rows, 2 * columns), bool)
    padded[: seen.shape[0], : seen.shape[1]] = seen
    cells = padded.reshape(rows, 4, columns, 2).transpose(0, 2, 1, 3)  # [R, C, 4, 2]
    numbers = BLANK + (cells * DOTS).sum((2, 3))
    return "\n".join("".join(map(chr, row)) for row in numbers.tolist())
