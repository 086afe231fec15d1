"""Worlds as pictures: where things are drawn, letters of braille, and a GIF that keeps its time."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from mapsto.insight.animation import REST, animated, rendered
from mapsto.insight.scenes import ACCENT, INK, PAPER, SCENES, in_letters

SOME = {
    "CartPole": [0.4, 0, 0.1, 0],
    "Acrobot": [1.0, 0, 0.6, 0.8, 0, 0],
    "Pendulum": [0.6, 0.8, 0.1],
    "MountainCar": [-0.5, 0.0],
    "MountainCarContinuous": [-0.5, 0.0],
}


def middle(picture, colour):
    """Mean column and row of what has a colour, as shares of the picture."""
    rows, columns = (np.asarray(picture) == colour).nonzero()
    return columns.mean() / picture.width, rows.mean() / picture.height


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_is_drawn_in_any_size(name):
    for wide in (80, 240):
        picture = SCENES[name].draw(SOME[name], wide)
        assert picture.width == wide
        assert {PAPER, INK, ACCENT} <= set(np.unique(np.asarray(picture)).tolist())


def test_the_cart_stands_where_it_is_and_the_pole_leans_where_it_falls():
    left, right = (SCENES["CartPole"].draw([place, 0, 0, 0], 200) for place in (-2, 2))
    assert middle(left, INK)[0] < 0.2 < 0.8 < middle(right, INK)[0]
    upright, falling = (SCENES["CartPole"].draw([0, 0, angle, 0], 200) for angle in (0, 0.3))
    assert middle(falling, ACCENT)[0] > middle(upright, ACCENT)[0] == pytest.approx(0.5, abs=0.02)


def test_a_pendulum_points_up_at_angle_0_and_turns_to_the_left():
    up, left = (middle(SCENES["Pendulum"].draw([math.cos(a), math.sin(a), 0], 200), ACCENT) for a in (0, math.pi / 2))
    assert up[1] < 0.5
    assert left[0] < 0.4


def test_an_acrobot_hangs_at_angle_0():
    hanging, raised = (
        middle(SCENES["Acrobot"].draw([math.cos(a), math.sin(a), 1, 0, 0, 0], 200), ACCENT) for a in (0, math.pi)
    )
    assert hanging[1] > raised[1]


def test_a_mountain_car_stands_low_in_the_valley_and_high_at_its_goal():
    valley, goal = (middle(SCENES["MountainCar"].draw([place, 0], 200), INK) for place in (-math.pi / 6, 0.5))
    assert valley[0] < goal[0]
    assert valley[1] > goal[1]


def test_letters_have_a_dot_for_each_pixel():
    picture = Image.fromarray(np.zeros((5, 3), np.uint8))
    for place, letter in (((0, 0), "⠁"), ((1, 0), "⠈"), ((0, 3), "⡀"), ((1, 3), "⢀")):
        one = picture.copy()
        one.putpixel(place, 1)
        assert in_letters(one) == f"{letter}⠀\n⠀⠀"


def frames(count):
    return [SCENES["CartPole"].draw([4 * k / count - 2, 0, 0, 0], 240) for k in range(count)]


@pytest.mark.parametrize(("rate", "shown"), [(50, 51), (25, 100), (10, 100)])
def test_an_animation_keeps_its_time(rate, shown):
    gif = Image.open(io.BytesIO(animated(frames(100), rate)))
    assert gif.n_frames == shown
    times = []
    for k in range(gif.n_frames):
        gif.seek(k)
        times.append(gif.info["duration"])
    assert sum(times[:-1]) == pytest.approx(1000 * 99 / rate, rel=0.05)
    assert times[-1] == REST
    assert gif.info["loop"] == 0


def test_what_a_world_has_rendered_becomes_small():
    picture = rendered(np.random.default_rng(0).integers(256, size=(400, 600, 3), dtype=np.uint8))
    assert max(picture.size) <= 360
    assert Image.open(io.BytesIO(animated([picture, picture.rotate(90)], 30))).n_frames == 2
