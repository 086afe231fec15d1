"""The losses of the first 20 steps of fifteen tiny recipes, as they were when curves.json was written.

A curve that moves means that learning has changed: data, first weights, batches, masks, losses, gradients, steps. Where
that is meant, write the curves anew, look at the difference, and say in the commit why they moved:

    PYTHONPATH=src OMP_NUM_THREADS=1 python tests/golden/test_curves.py

They are taken in eager float32 on one thread of a CPU; other versions of torch and other processors come within 1e-4.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import mapsto
from mapsto.core.nouns import Raw
from mapsto.data.frames import objects
from mapsto.framing.frame import Frame
from mapsto.learner.race import Settled

CURVES = Path(__file__).with_name("curves.json")
STEPS = 20
OPTIONAL = "sacrebleu"  # a measure that is there where its library is
GAMES = {"game"}  # in which one player's loss grows by what the other has learned


def digits() -> Frame:
    """A convolutional net with batch norm on moved pictures; AdamW, one cycle."""
    return described(
        mapsto.frame("digits", device="cpu"),
        model={"name": "conv-net", "width": 16, "depth": 3},
        update={
            "learning_rate": 1e-2,
            "optimizer": {"name": "adam-w", "weight_decay": 0.05},
            "schedule": {"name": "one-cycle", "start": 0.3},
        },
        augment=[{"name": "shift", "pixels": 1}],
    )


def wine() -> Frame:
    """A perceptron with dropout on a table; Adam, cosine, an average of the weights."""
    return described(
        mapsto.frame("wine", device="cpu"),
        model={"name": "mlp", "width": 16, "depth": 2, "dropout": 0.1},
        update={"learning_rate": 1e-2, "optimizer": {"name": "adam"}, "schedule": {"name": "cosine"}, "ema": 0.9},
    )


def numbers() -> Frame:
    """A regression on numbers and words, some missing; SGD with momentum, warm-up, clipped."""
    draw = np.random.default_rng(0)
    rows = 300
    height, width = draw.normal(size=rows), draw.uniform(size=rows)
    wood = draw.choice(np.array(["oak", "elm", "ash", "fir"], object), rows)
    price = 100 + 20 * height * width + 30 * (wood == "oak") + draw.normal(size=rows)
    height[draw.random(rows) < 0.05] = np.nan
    raw = Raw("trees", {"height": height, "width": width, "wood": wood, "price": price}, target="price")
    return described(
        Frame(raw, device="cpu"),
        model={"name": "mlp", "width": 16, "depth": 2, "norm": "layer"},
        objective={"name": "huber", "delta": 1.0},
        update={
            "learning_rate": 0.05,
            "optimizer": {"name": "sgd"},
            "schedule": {"name": "warm-up", "steps_up": 5},
            "clip": 0.5,
        },
    )


def labels() -> Frame:
    """Several labels at once, out of vectors; AdamW, batches in three pieces, batch norm."""
    draw = np.random.default_rng(0)
    place = draw.normal(size=(300, 5)).astype(np.float32)
    holds = (place @ draw.normal(size=(5, 3)) + 0.2 * draw.normal(size=(300, 3)) > 0).astype(np.int64)
    raw = Raw("marks", {"x": place, "y": holds}, target="y")
    return described(
        Frame(raw, device="cpu"),
        model={"name": "mlp", "width": 16, "depth": 1, "norm": "batch"},
        update={
            "learning_rate": 1e-2,
            "optimizer": {"name": "adam-w"},
            "schedule": {"name": "step-decay"},
            "accumulate": 3,
        },
    )


NAMES, VERBS, THINGS = ("Ada", "Grace", "Alan", "Emmy"), ("saw", "built", "broke"), ("bridge", "duck", "saw", "road")
GERMAN = {"saw": "sah", "built": "baute", "broke": "brach", "bridge": "Brücke", "duck": "Ente", "road": "Straße"}
PRAISE, BLAME = ("moving", "funny", "a joy", "wonderful"), ("dull", "clumsy", "a bore", "lifeless")


def spoken(rows: int) -> list[list[tuple[str, str, str]]]:
    """Sentences of (word, whether it is a name, what it is in another language)."""
    draw, made = random.Random(0), []
    for _ in range(rows):
        people = draw.choices(NAMES, k=draw.randint(1, 2))
        said = [(name, "I-PER" if k else "B-PER", name) for k, name in enumerate(people)]
        words = (draw.choice(VERBS), "the", draw.choice(THINGS), ".")
        made.append(said + [(word, "O", GERMAN.get(word, "die" if word == "the" else word)) for word in words])
    return made


def remarks(rows: int) -> tuple[list[str], list[str]]:
    """Texts of unequal length, and whether they praise."""
    draw, texts, good = random.Random(0), [], [n % 2 for n in range(rows)]
    for n, praised in enumerate(good):
        said = [
            f"{draw.choice(('the film', 'its cast', 'I found it', 'the end'))} {draw.choice(PRAISE if praised else BLAME)}"
            for _ in range(draw.randint(1, 4))
        ]
        texts.append(f"{' , and '.join(said)} no {n}")
    return texts, ["yes" if praised else "no" for praised in good]


def text(frame: Frame, way: str) -> Frame:
    return frame.set("data.text", {"tokenizer": way, "at_least": 1})


def reviews() -> Frame:
    """A text CNN on words, batched by length; AdamW, one cycle."""
    texts, good = remarks(240)
    raw = Raw("reviews", {"text": objects(texts), "liked": objects(good)}, target="liked")
    return described(
        text(Frame(raw, device="cpu"), "words"),
        model={"name": "text-cnn", "embedding": 16, "width": 8, "sizes": [2, 3], "dropout": 0.2, "thin": 0.1},
        update={"learning_rate": 1e-2, "optimizer": {"name": "adam-w"}, "schedule": {"name": "one-cycle"}},
    )


def names() -> Frame:
    """A recurrent tagger that reads words and their characters, and tells spans as a path; Adam, clipped."""
    told = spoken(240)
    words, tags = (objects([[one[k] for one in sentence] for sentence in told]) for k in (0, 1))
    raw = Raw("names", {"tokens": words, "tag": tags}, target="tag", kinds={"tokens": "words", "tag": "tags"})
    return described(
        Frame(raw, device="cpu"),
        model={
            "name": "recurrent",
            "cell": "lstm",
            "embedding": 16,
            "width": 8,
            "dropout": 0.1,
            "each": True,
            "crf": True,
        },
        objective={"name": "tagging", "judged_by": "span-f1"},
        update={
            "learning_rate": 2e-2,
            "optimizer": {"name": "adam"},
            "schedule": {"name": "warm-up", "steps_up": 5},
            "clip": 1.0,
        },
    )


def prose() -> Frame:
    """A GPT on the characters of a text, through windows; AdamW, cosine, clipped."""
    lines = [" ".join(word for word, _, _ in sentence) for sentence in spoken(240)]
    raw = Raw("prose", {"text": objects(["\n".join(lines)])}, kinds={"text": "text"})
    return described(
        text(Frame(raw, device="cpu").set("data.window", 16), "characters"),
        model={"name": "gpt", "width": 16, "depth": 2, "heads": 2, "context": 16, "dropout": 0.1},
        update={
            "learning_rate": 1e-2,
            "optimizer": {"name": "adam-w", "weight_decay": 0.1},
            "schedule": {"name": "cosine"},
            "clip": 1.0,
        },
    )


def translated() -> Frame:
    """A GRU that reads both ways and one that writes what it attends to; Adam, one cycle."""
    told = spoken(240)
    columns = {
        "en": objects([" ".join(word for word, _, _ in sentence) for sentence in told]),
        "de": objects([" ".join(word for _, _, word in sentence) for sentence in told]),
    }
    raw = Raw("translated", columns, target="de", kinds={"en": "text", "de": "text"})
    return described(
        text(Frame(raw, device="cpu").set("data.kinds.de", "text"), "words"),
        model={
            "name": "seq2-seq",
            "cell": "gru",
            "width": 16,
            "embedding": 16,
            "attention": "additive",
            "dropout": 0.1,
        },
        objective={"name": "translation", "smoothing": 0.1, "longest": 20, "stretch": 1.5},
        update={"learning_rate": 2e-2, "optimizer": {"name": "adam"}, "schedule": {"name": "one-cycle"}, "clip": 1.0},
    )


def blanks() -> Frame:
    """A BERT that fills in words hidden anew at each step; AdamW, warm-up."""
    texts, _ = remarks(240)
    raw = Raw("blanks", {"text": objects(texts)})
    return described(
        text(Frame(raw, device="cpu").set("objective", {"name": "masked-words", "share": 0.2}), "words"),
        model={"name": "bert", "width": 16, "depth": 2, "heads": 2, "context": 64, "each": True, "tied": True},
        update={
            "learning_rate": 1e-2,
            "optimizer": {"name": "adam-w"},
            "schedule": {"name": "warm-up", "steps_up": 5},
            "clip": 1.0,
        },
    )


def moves() -> Frame:
    """An actor and a critic in a world where what is seen is to be done, over two and a half roll-outs; PPO, Adam, clipped."""
    return described(
        mapsto.frame("env:identity", device="cpu"),
        model={"name": "actor-critic", "width": 16, "depth": 2},
        objective={"name": "clipped-surrogate", "clip": 0.2, "value": 0.25, "entropy": 0.01},
        update={
            "learning_rate": 1e-2,
            "optimizer": {"name": "adam", "epsilon": 1e-5},
            "schedule": {"name": "cosine"},
            "clip": 0.5,
        },
        experience={"name": "rollout", "moves": 16, "passes": 4, "batch_size": 64, "discount": 0.9, "trace": 0.9},
    )


def worths() -> Frame:
    """What each action is worth in that world, from a memory in which it is looked two moves ahead; double Q-learning, Adam."""
    return described(
        mapsto.frame("env:identity", device="cpu"),
        model={"name": "q-network", "width": 32, "depth": 1},
        objective={"name": "temporal-difference", "double": True, "every": 1, "share": 0.1},
        update={"learning_rate": 2e-2, "optimizer": {"name": "adam"}, "schedule": {"name": "constant"}},
        experience={
            "name": "replay",
            "capacity": 400,
            "batch_size": 64,
            "moves": 2,
            "discount": 0.5,
            "horizon": 2,
            "warm_up": 300,
            "explore": 0.1,
            "falling": 10,
        },
    )


def noisy() -> Frame:
    """A U-Net that is told which digit it is whose noise it tells, of most; AdamW, clipped, an average of the weights."""
    return described(
        mapsto.frame("digits", objective="denoising", device="cpu"),
        model={"name": "u-net", "width": 8, "halvings": 1, "drop": 0.2},
        objective={"name": "denoising", "strides": 4},
        update={
            "learning_rate": 1e-2,
            "optimizer": {"name": "adam-w"},
            "schedule": {"name": "one-cycle"},
            "clip": 1.0,
            "ema": 0.9,
        },
    )


def coded() -> Frame:
    """A VAE that is told which digit; AdamW, one cycle."""
    return described(
        mapsto.frame("digits", objective="variational", device="cpu"),
        model={"name": "vae", "latent": 8, "width": 32},
        objective={"name": "variational"},
        update={"learning_rate": 1e-2, "optimizer": {"name": "adam-w"}, "schedule": {"name": "one-cycle"}},
    )


def game() -> Frame:
    """A GAN whose critic moves twice as often, under a penalty; Adam, an average of the weights."""
    return described(
        mapsto.frame("digits", objective="adversarial", device="cpu"),
        model={"name": "gan", "latent": 8, "width": 32, "convolutions": 1, "maps": 8},
        objective={"name": "adversarial", "loss": "wasserstein"},
        update={
            "learning_rate": 1e-3,
            "optimizer": {"name": "adam", "beta1": 0.5},
            "schedule": {"name": "constant"},
            "ema": 0.9,
            "turns": {"critic": 2},
        },
    )


RECIPES = {
    "digits": digits,
    "wine": wine,
    "numbers": numbers,
    "labels": labels,
    "reviews": reviews,
    "names": names,
    "prose": prose,
    "translated": translated,
    "blanks": blanks,
    "moves": moves,
    "noisy": noisy,
    "coded": coded,
    "game": game,
    "worths": worths,
}


def described(
    frame: Frame,
    model: dict,
    update: dict,
    objective: dict | None = None,
    augment: list | None = None,
    experience: dict | None = None,
) -> Frame:
    """Nothing of it is left to be proposed: a better proposal should move no curve."""
    frame.set("model", model).set("data.augment", augment or [])
    if objective:
        frame.set("objective", objective)
    frame.set("algorithm.update", {"name": "descend", **update})
    frame.set("algorithm.experience", experience or {"name": "passes", "batch_size": 32})
    return frame.set("algorithm.until", {"name": "steps", "count": STEPS})


def curve(frame: Frame) -> dict[str, Any]:
    """The loss of every step, and the validation exam after the last."""
    before = torch.get_num_threads()
    learner, reports = frame.learner(), []
    learner.settle(Settled(threads=1, layout="contiguous"))
    learner.report_every = 1
    learner.fit(observers=[reports.append])
    torch.set_num_threads(before)
    return {
        "losses": [sum(report.losses.values()) for report in reports],
        "valid": {name: score.value for name, score in reports[-1].scores.items() if name != OPTIONAL},
    }


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_curve_is_the_one_that_was_kept(recipe):
    kept, now = json.loads(CURVES.read_text())[recipe], curve(RECIPES[recipe]())
    assert len(now["losses"]) == STEPS
    assert now["losses"] == pytest.approx(kept["losses"], rel=1e-4)
    assert now["valid"] == pytest.approx(kept["valid"], rel=1e-3)


def test_every_curve_kept_is_one_of_learning():
    for recipe, kept in json.loads(CURVES.read_text()).items():
        assert recipe in RECIPES
        if "return" in kept["valid"]:  # what a loss comes to says nothing there
            assert kept["valid"]["return"] > 9
            continue
        if recipe in GAMES:
            continue
        assert sum(kept["losses"][-5:]) < 0.9 * sum(kept["losses"][:5]), recipe


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("run.seed", 1),
        ("algorithm.lr", 0.0101),
        ("model.dropout", 0.11),
        ("data.split.seed", 1),
        ("algorithm.beta1", 0.91),
    ],
)
def test_a_little_change_moves_the_curve(path, value):
    kept = json.loads(CURVES.read_text())["wine"]["losses"]
    assert curve(wine().set(path, value))["losses"] != pytest.approx(kept, rel=1e-4)


if __name__ == "__main__":
    CURVES.write_text(json.dumps({name: curve(recipe()) for name, recipe in RECIPES.items()}, indent=1) + "\n")
