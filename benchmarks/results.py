"""Run recipes over seeds on real data and record what they reach: `make results`, or `python -m benchmarks.results digits titanic`.

Figures go into docs/results.json as they are measured, one recipe at a time; docs/results.md is written from that
file and from nothing else. Data are looked for in MAPSTO_DATA, or in ../shared/data beside the checkout.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
README, BEGIN, END = ROOT / "README.md", "<!-- results: written by make results -->", "<!-- end of results -->"
RUNS = ROOT / "runs" / "results"
SIMPLE, SCRATCH = "best simple model", "from scratch"
RECORD, PAGE = ROOT / "docs" / "results.json", ROOT / "docs" / "results.md"


@dataclass(frozen=True)
class Gate:
    """What a recipe is held to: the mean over `seeds` of `measure` on the `split` reaches `least`, from below or, of a measure
    of which less is better (−1), from above."""

    recipe: str
    what: str
    measure: str
    least: float | None
    seeds: int = 3
    label: str | None = None  # of several labels, whose own measure it is
    folds: int = 0  # every row is examined once a run, and the run's seed is that of the split
    split: str = "test"
    better: int = 1
    each: bool = False  # whether every run is to reach it, and not only their mean
    name: str = ""  # in the record, where one recipe has several gates
    how: tuple[tuple[str, Any], ...] = ()  # what else the recipe is given
    over: tuple[str, float] | None = (
        None  # instead of `least`: another figure of the same runs, and by how much it is to be passed
    )
    beside: str = ""  # a second measure, shown
    start: str = (
        ""  # the recipe whose first run it goes on from; the same network is then trained from first weights too
    )
    judge: str = ""  # the recipe whose first run looks at what is drawn

    @property
    def key(self) -> str:
        return self.name or self.recipe


GATES = [
    Gate("digits", "digits, small CNN", "accuracy", 0.985, seeds=5),
    Gate("mnist-mlp", "MNIST, MLP", "accuracy", 0.982),
    Gate("mnist-lenet", "MNIST, LeNet", "accuracy", 0.992),
    Gate(
        "mnist-vae",
        "MNIST, binarised at random: the bound of a VAE, in nats",
        "nats",
        100,
        seeds=1,
        better=-1,
        beside="judge-distance",
        judge="mnist-lenet",
    ),
    Gate(
        "mnist-gan",
        "MNIST, drawn by a GAN: of 10 digits, those with half to twice their share",
        "classes-covered",
        10,
        seeds=1,
        beside="judge-distance",
        judge="mnist-lenet",
    ),
    Gate(
        "mnist-diffusion",
        "MNIST, drawn out of noise: of what was asked for, a digit",
        "as-asked",
        0.95,
        seeds=1,
        beside="judge-distance",
        judge="mnist-lenet",
    ),
    Gate(
        "mnist-words",
        "MNIST, drawn out of noise: of what was asked for, in words",
        "as-asked",
        0.95,
        seeds=1,
        beside="judge-distance",
        judge="mnist-lenet",
    ),
    Gate("mnist-autoencoder", "MNIST through 16 numbers, by an autoencoder", "squared-error", None, seeds=1, better=-1),
    Gate("cats-dogs-linear", "cats and dogs 32×32×3, softmax regression", "accuracy", None),
    Gate("cats-dogs-lenet", "cats and dogs, LeNet", "accuracy", None),
    Gate("cats-dogs-resnet", "cats and dogs, ResNet", "accuracy", 0.85, seeds=2),
    Gate("california-housing", "California housing, MLP", "r2", 0.78),
    Gate("titanic", "Titanic, 5 × 5 folds", "accuracy", None, seeds=5, folds=5, over=(SIMPLE, -0.01)),
    Gate("mnist-sets", "several MNIST digits in a picture, which ones", "macro-f1", 0.97, seeds=2),
    Gate("mr-sentences", "MR sentences, text CNN from scratch, 10 folds", "accuracy", 0.75, seeds=1, folds=10),
    Gate(
        "mr-sentences",
        "MR sentences, bidirectional LSTM from scratch, 10 folds",
        "accuracy",
        None,
        seeds=1,
        folds=10,
        name="mr-sentences-lstm",
        how=(("model", "recurrent"),),
    ),
    Gate("english-tags", "English-EWT, a universal tag for each word", "tag-accuracy", 0.94, seeds=1),
    Gate("chinese-tags", "Chinese GSD, a universal tag for each word", "tag-accuracy", 0.905, seeds=1),
    Gate("nsmc", "Korean film reviews (NSMC, a fourth), text CNN from scratch", "accuracy", 0.82),
    Gate(
        "shakespeare-gpt",
        "tiny Shakespeare, characters, nanoGPT's setting for a CPU (the last tenth, which also chose)",
        "nats-per-token",
        1.88,
        split="valid",
        better=-1,
    ),
    Gate("nsmc-words", "NSMC, hidden words of 40,000 reviews", "accuracy", None, seeds=1),
    Gate(
        "nsmc-few",
        "NSMC, 2 % of the labels, after hidden words; beside it from scratch",
        "accuracy",
        None,
        seeds=5,
        over=(SCRATCH, 0.02),
        start="nsmc-words",
    ),
    Gate("multi30k-gru", "Multi30k, German to English, GRU", "bleu", 20, seeds=1, beside="sacrebleu"),
    Gate("multi30k-attention", "Multi30k, GRU with attention", "bleu", 28, seeds=1, beside="sacrebleu"),
    Gate("multi30k-transformer", "Multi30k, Transformer", "bleu", 34, seeds=1, beside="sacrebleu"),
    Gate("blood-cells", "BCCD, which cell kinds are in the picture: platelets", "auroc", 0.80, label="Platelets"),
    Gate("cora-gcn", "Cora, GCN", "accuracy", 0.81, seeds=20),
    Gate("cora-gat", "Cora, GAT", "accuracy", None, seeds=5),
    Gate("cora-mlp", "Cora without its edges, MLP", "accuracy", None, seeds=5),
    Gate("citeseer-gcn", "Citeseer, GCN", "accuracy", 0.698, seeds=20),
    Gate("mutag-gin", "MUTAG, GIN, 3 × 10 folds, validation rows choose", "accuracy", 0.82, folds=10),
    Gate("cora-links", "Cora, which papers are joined", "auroc", 0.90),
    Gate("cart-pole-ppo", "CartPole-v1, PPO, each of 5 seeds", "return", 475, seeds=5, each=True),
    Gate("cart-pole-reinforce", "CartPole-v1, REINFORCE with a baseline", "return", None),
    Gate("acrobot-ppo", "Acrobot-v1, PPO", "return", -100),
    Gate("pendulum-ppo", "Pendulum-v1, PPO with numbers for actions", "return", -250),
    Gate("cart-pole-dqn", "CartPole-v1, DQN with replay, each of 5 seeds", "return", 475, seeds=5, each=True),
]


def main(wanted: list[str]) -> int:
    import mapsto

    os.environ.setdefault("MAPSTO_DATA", str(ROOT.parent / "shared" / "data"))
    unknown = [w for w in wanted if w not in {g.key for g in GATES}]
    if unknown:
        print(f"no recipe {unknown}; there are: {', '.join(g.key for g in GATES)}", file=sys.stderr)
        return 2
    for gate in GATES:
        if wanted and gate.key not in wanted:
            continue
        runs = []
        for seed in range(gate.seeds):
            result = run(gate, seed)
            runs.append(figures(gate, result, seed))
            print(
                f"{gate.key} seed {seed}: {gate.measure} {runs[-1]['test']:.4f} in {runs[-1]['seconds']:.1f} s",
                flush=True,
            )
            record = (
                json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
            )  # another may have written
            record[gate.key] = {
                "runs": runs,
                "model": result["settings"]["model"]["name"],
                "machine": machine(),
                "mapsto": mapsto.__version__,
            }
            RECORD.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            PAGE.write_text(page(record), encoding="utf-8")
            README.write_text(with_results(README.read_text(encoding="utf-8"), record), encoding="utf-8")
    return 0


def run(gate: Gate, seed: int) -> dict[str, Any]:
    """One run of a recipe, and, where it goes on from another, the same from first weights."""
    how = {**({"folds": gate.folds, "split_seed": seed} if gate.folds else {"seed": seed}), **dict(gate.how)}
    if gate.judge:
        trained(gate.judge, f"{gate.judge}-0", {"seed": 0})
        how["judge"] = str(RUNS / f"{gate.judge}-0")
    if not gate.start:
        return trained(gate.recipe, f"{gate.key}-{seed}", how)
    trained(gate.start, f"{gate.start}-0", {"seed": 0})
    how["start"] = str(RUNS / f"{gate.start}-0")
    result = trained(gate.recipe, f"{gate.key}-{seed}", how)
    with mock.patch("mapsto.framing.start.Start.hand_over", lambda self, model, target: model):
        scratch = trained(gate.recipe, f"{gate.key}-scratch-{seed}", how)
    return {**result, "baselines": {**result["baselines"], SCRATCH: scratch["scores"]}}


def trained(recipe: str, name: str, how: dict[str, Any]) -> dict[str, Any]:
    """A finished run of the very same frame is taken as it is, any other is made anew."""
    from mapsto.core import names

    frame = names.find("recipe", recipe)(**how)
    path = RUNS / name
    if (path / "result.json").exists() and same(
        tomllib.loads((path / "frame.toml").read_text()), tomllib.loads(frame.toml())
    ):
        result = json.loads((path / "result.json").read_text(encoding="utf-8"))
    else:
        shutil.rmtree(path, ignore_errors=True)
        result = frame.train(path).to_json()
    return {**result, "settings": frame.settings}


def same(before: Any, now: Any) -> bool:
    """Whether two frames' settings agree; a setting that came later and is off makes no difference."""
    if isinstance(before, dict) and isinstance(now, dict):
        added = [now[key] for key in now if key not in before]
        return not any(added) and all(key in now and same(before[key], now[key]) for key in before)
    return before == now


def figures(gate: Gate, result: dict[str, Any], seed: int) -> dict[str, Any]:
    """What is kept of one run."""
    where = result["labels"][gate.label] if gate.label else result["scores"][gate.split]
    baselines = {
        n: b[gate.split][gate.measure]["value"]
        for n, b in result["baselines"].items()
        if gate.measure in b.get(gate.split, {})
    }
    return {
        "seed": seed,
        "test": where[gate.measure]["value"],
        "low": where[gate.measure]["low"],
        "high": where[gate.measure]["high"],
        "n": where[gate.measure]["n"],
        **({gate.beside: where[gate.beside]["value"]} if gate.beside else {}),
        "seconds": result["seconds"],
        "steps": result["steps"],
        "parameters": result["parameters"],
        "baselines": {} if gate.label else baselines,
        "limit": result["verdict"]["limit"],
        "advice": result["verdict"]["advice"],
    }


def machine() -> str:
    import torch

    name = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    amx = ", AMX" if torch.cpu._is_amx_tile_supported() else ""
    return f"{os.cpu_count()} cores of {name}{amx}; Python {platform.python_version()}, torch {torch.__version__}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def page(record: dict[str, Any]) -> str:
    """docs/results.md, from the record."""
    rows = []
    for gate in GATES:
        if gate.key not in record:
            continue
        runs = record[gate.key]["runs"]
        tests = [run["test"] for run in runs]
        mean = statistics.mean(tests)
        spread = f" ± {statistics.stdev(tests):.4f}" if len(tests) > 1 else ""
        best = best_baseline(runs, gate.better)
        least, word = threshold(gate, runs, best)
        beside = f" ({gate.beside} {statistics.mean(run[gate.beside] for run in runs):.2f})" if gate.beside else ""
        judged = min(gate.better * test for test in tests) if gate.each else gate.better * mean
        verdict = "–" if least is None else "met" if judged >= gate.better * least else "**missed**"
        seconds = statistics.median(run["seconds"] for run in runs)
        rows.append(
            f"| {gate.what} | `{gate.key}` | {record[gate.key]['model']} | {gate.measure} | {mean:.4f}{spread}{beside} | "
            f"{len(runs)} | {runs[0]['n']:,} | "
            f"{f'{best[0]} {best[1]:.4f}' if best else '–'} | {word} | {verdict} | {seconds:.1f} |"
        )
    said = "\n".join(
        f"- `{g.key}` (seed {record[g.key]['runs'][-1]['seed']}): {record[g.key]['runs'][-1]['advice']}"
        for g in GATES
        if g.key in record
    )
    machines = "\n".join(
        f"- {m}: {', '.join(f'`{r}`' for r in record if record[r]['machine'] == m)}"
        for m in dict.fromkeys(r["machine"] for r in record.values())
    )
    return f"""# Results

Written by `make results` (or `make results RECIPES="digits titanic"`) from `docs/results.json`; nothing here is typed. The test
split is looked at once a run, after training; settings were chosen on validation rows. ± is the standard deviation over
seeds of training (for Titanic: over seeds of the split into folds). Seconds are of training
alone, the median over runs, by the clock on a shared machine whose two cores had other work as well.

| task | recipe | model | measure | test, mean | runs | test rows | best simple model | gate | | seconds |
|---|---|---|---|---|---|---|---|---|---|---|
{chr(10).join(rows)}

## What the verdicts said

{said}

## Machines

{machines}
"""


def with_results(readme: str, record: dict[str, Any]) -> str:
    """The README with its table of results brought up to date."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = ["| task | model | test | seconds |", "|---|---|---|---|"]
    for gate in GATES:
        if gate.key in record:
            runs = record[gate.key]["runs"]
            mean, seconds = (
                statistics.mean(run["test"] for run in runs),
                statistics.median(run["seconds"] for run in runs),
            )
            count = f"{len(runs)} run{'s' * (len(runs) > 1)}"
            rows.append(
                f"| {gate.what} | {record[gate.key]['model']} | {gate.measure} {mean:.4f} ({count}) | {seconds:.0f} |"
            )
    return before + BEGIN + "\n" + "\n".join(rows) + "\n" + END + after


def best_baseline(runs: list[dict[str, Any]], better: int) -> tuple[str, float] | None:
    means = {
        n: statistics.mean(run["baselines"][n] for run in runs)
        for n in runs[0]["baselines"]
        if n != SCRATCH and all(n in run["baselines"] for run in runs)
    }
    return max(means.items(), key=lambda item: better * item[1]) if means else None


def threshold(gate: Gate, runs: list[dict[str, Any]], best: tuple[str, float] | None) -> tuple[float | None, str]:
    if gate.over and (gate.over[0] != SIMPLE or best):
        what, by = gate.over
        other = best[1] if best and what == SIMPLE else statistics.mean(run["baselines"][what] for run in runs)
        shown = "" if what == SIMPLE else f" {other:.4f}"
        return other + by, f"≥ {what}{shown} {'+' if by > 0 else '−'} {abs(100 * by):g} point{'s' * (abs(by) > 0.01)}"
    return gate.least, "–" if gate.least is None else f"{'≥' if gate.better > 0 else '≤'} {gate.least}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
