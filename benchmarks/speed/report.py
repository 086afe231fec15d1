"""docs/speed.md, from docs/speed.json and nothing else: `python -m benchmarks.speed.report`."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from benchmarks.speed import gates, pairs, quiet, record
from benchmarks.speed.contest import Arm, Contest
from benchmarks.speed.contests import ALL, ON_GPU
from benchmarks.speed.pairs import Row

PAGE = record.ROOT / "docs" / "speed.md"
ENOUGH = 3  # quiet rounds, below which all rounds are shown and the contest is marked
DISTURBED = " †"
WRITING_GATE = 5.0  # times the tokens a second of transformers

HOW = f"""
- **One process an arm**, alive for the whole contest and warmed up by a shorter run that does not count; for runs of seconds
  a new one each round, warmed up anew, since where a process's memory happens to lie can make a tenth of its time; where the
  whole process is measured, a new one for each run. Every thread pool (OpenMP, MKL, OpenBLAS, XLA) has as many threads as the
  contest says.
- **Interleaved**: each round runs every arm once, in an order drawn for that round; an arm's ratio to mapsto is taken within
  the round. Shown is the median of these ratios, with its bootstrap interval of 90 %. A promise is held by the worse end of
  the interval.
- **Time** is from arrays in memory and a built model to a trained one: making loaders, trainers and optimizers is in it, and
  so is what a framework compiles anew for each model (Keras on JAX). What torch.compile compiles stays in its process and
  was paid in the warm-up: the whole process shows it. *µs a step* is what a run costs beyond one of a fifth of the length.
- **The same work**: before the timings every arm takes three steps on one batch from the same weights, and its answers must be
  those of the others. Arms that draw their own first weights (scikit-learn, Keras) are held to the number of weights and of
  steps, which each framework counts itself. A score that differs from mapsto's by more than the contest's band is marked ‡.
- **Quiet**: a round counts where nobody else kept more than {quiet.OTHERS:g} of a core busy during any of its runs, and a
  fixed piece of work beside each run took at most {quiet.SLOW:g} × its best time. A contest with fewer than {ENOUGH} such
  rounds shows all of its rounds, marked †: read them as indications.
- **Rivals**: *defaults* is what the documentation's first page leads to. *Tuned* is by the framework's own guide for speed, and
  generously: no bar, logger or checkpoint, batches gathered at once instead of row by row, torch.optim's fastest variant.
  [benchmarks/speed/arms](../benchmarks/speed/arms) has every line of them; a faster way of using one is welcome.
""".strip()


PROMISES = (
    "They were written down before the measurement. In brackets is the 90 % interval, and its worse end decides; where mapsto is "
    f"only to be as fast as a loop on the same kernels, the interval may end {gates.NEAR:g} above. Where a "
    "framework has several arms, its fastest counts."
)


def write() -> None:
    kept = (record.read(path) for path in (record.RECORD, record.SHARDS, record.GENERATION, record.PARTS))
    PAGE.write_text(page(*kept), encoding="utf-8")


def page(found: dict[str, Any], shards: dict[str, Any], generation: dict[str, Any], parts: dict[str, Any]) -> str:
    there = [contest for contest in (*ALL, *ON_GPU) if contest.name in found]
    sections = "\n\n".join(section(contest, found[contest.name]) for contest in there)
    return f"""# Speed

How long mapsto takes to learn, beside what people use, on the same work. Written by `make bench` from `docs/speed.json`, which
has every single run; nothing here is typed. Above 1, the other takes so many times as long; below 1, mapsto is the slower.

{headline(there, found)}

## What was promised, and whether it is held

{promises(found)}

## How it was measured

{HOW}

{where_it_goes(parts)}

{sections}{no_gpu(found)}

{larger_than_memory(shards)}

{writing(generation)}

## Machines and versions

{machines(there, found)}
"""


def where_it_goes(found: dict[str, Any]) -> str:
    """What benchmarks/speed/parts.py found."""
    title = "## Where the time goes\n\n"
    if not found:
        return f"{title}Not measured: `python -m benchmarks.speed.parts`."
    told = [name for name in found[next(iter(found))]["rounds"][0] if name not in ("mapsto", "beside")]
    lines = [f"| | seconds | {' | '.join(told)} | × a loop by hand |", "|---|" + "---|" * (len(told) + 2)]
    for name, kept in found.items():
        rounds = kept["rounds"]
        shares = [statistics.median(100 * r[part] / r["mapsto"] for r in rounds) for part in told]
        ratio = pairs.median([r["mapsto"] / r["beside"] for r in rounds])
        entry = next(c for c in ALL if c.name == name)
        cells = " | ".join(f"{share:.1f} %" if share >= 0.05 else "–" for share in shares)
        lines.append(
            f"| [{entry.short}](#{anchor(entry)}) | {statistics.median(r['mapsto'] for r in rounds):.2f} | {cells} | "
            f"{_ratio(ratio)} ({entry.arm(kept['beside']).label}) |"
        )
    one, commits = next(iter(found.values())), ", ".join(sorted({kept["commit"] for kept in found.values()}))
    about = (
        "The parts of mapsto's runs, by a clock around each, medians; and its time over that of a loop by hand in the same "
        "process, which took turns with it, so that memory lies alike for both. *The rest* is the engine's own Python, "
        f"with what the clocks cost. Measured on {one['date']}, {one['machine']}, commit {commits}, by `python -m "
        "benchmarks.speed.parts`."
    )
    return title + about + "\n\n" + "\n".join(lines)


def no_gpu(found: dict[str, Any]) -> str:
    if any(contest.name in found for contest in ON_GPU):
        return ""
    return "\n\n## On a GPU\n\nNot run: `python -m benchmarks.speed.gpu` measures there, and writes its figures here."


def larger_than_memory(shards: dict[str, Any]) -> str:
    """What benchmarks/speed/shards.py found."""
    title = "## Data larger than memory\n\n"
    if not shards:
        return f"{title}Not measured: `python -m benchmarks.speed.shards`."
    lines = ["| | µs a step from memory | from shards | ratio (promise: 1.1) | |", "|---|---|---|---|---|"]
    for name, made in shards["works"].items():
        middle, low, high = made["ratio (process time)"]
        spent = (made[f"{word} µs a step (process time)"] for word in ("resident", "sharded"))
        word = "held" if high <= 1.1 else "**missed**"
        lines.append(
            f"| {name} | {' | '.join(f'{s:,.0f}' for s in spent)} | {middle:.2f} [{low:.2f}, {high:.2f}] | {word} |"
        )
    one = next(iter(shards["works"].values()))
    about = (
        f"The same steps from a set of {one['set MiB']} MiB resident, and streamed under RLIMIT_DATA with room for "
        f"{one['allowed MiB']} MiB of it; processor time on one thread, {one['pairs']} interleaved pairs of blocks of steps, the "
        f"interval of 95 %. Measured on {shards['date']}, {shards['machine']}, commit {shards['commit']}, by `python -m "
        "benchmarks.speed.shards`. The shortest steps are those that a copy a batch can be seen in."
    )
    return title + about + "\n\n" + "\n".join(lines)


def writing(found: dict[str, Any]) -> str:
    """What benchmarks/speed/generation.py found."""
    title = "## Writing with a small GPT-2\n\n"
    if not found:
        return f"{title}Not measured: `python -m benchmarks.speed.generation`."
    kept = found["generation"]
    rows, mark = rows_of(kept)
    ratio, lines = pairs.ratio(rows, "transformers", "mapsto"), []
    word = ("held" if ratio.low >= WRITING_GATE else "**missed**") + mark
    for arm, label, cell in (
        ("mapsto", "**mapsto**", "1.00 | |"),
        ("transformers", "transformers, `generate`", f"{_ratio(ratio)} | {word} |"),
    ):
        rate = pairs.median([kept["tokens"] / took for took in pairs.seconds(rows, arm).values()])
        lines.append(f"| {label} | {rate.value:,.0f} [{rate.low:,.0f}, {rate.high:,.0f}] | {cell}")
    quiet_ones, all_ones = quiet.rounds(quiet.counted(kept["rows"])), quiet.rounds(kept["rows"])
    load = statistics.median(row["load"] for row in rows)
    about = (
        f"GPT-2's network, 4 layers of width 128, the same random weights in both; batch 1, greedy, {kept['tokens']} tokens after "
        "16, and the same tokens come out. transformers is at its defaults, cache included. Measured on "
        f"{kept['date']} with one thread, by `{kept['command']}`. {quiet_ones} of {all_ones} rounds were quiet; the system's load "
        f"was {load:.1f}."
    )
    head = f"| | tokens/s | × mapsto (promise: {WRITING_GATE:g}) | |\n|---|---|---|---|\n"
    versions = ", ".join(f"{name} {kept['versions'][name]}" for name in ("torch", "transformers"))
    place = f"{kept['machine']}; Python {kept['python']}, {versions}; commit {kept['commit']}."
    return f"{title}{about}\n\n{head}" + "\n".join(lines) + f"\n\n{place}"


def headline(there: Sequence[Contest], found: dict[str, Any]) -> str:
    """Families against contests: the time of the family's fastest arm over mapsto's."""
    timed = [c for c in there if not c.base]
    families = list(dict.fromkeys(a.family for c in timed for a in c.arms if a.kind != "mapsto"))
    lines = [
        "| how many times as long as mapsto | " + " | ".join(f"[{c.short}](#{anchor(c)})" for c in timed) + " |",
        "|---|" + "---|" * len(timed),
    ]
    for family in families:
        for kinds, words in ((("loop", "tuned"), "at its best"), (("defaults",), "defaults")):
            cells = [_best(c, found[c.name], family, kinds) for c in timed]
            if any(cell != "–" for cell in cells):
                lines.append(f"| {family}, {words} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _best(contest: Contest, kept: dict[str, Any], family: str, kinds: tuple[str, ...]) -> str:
    rows, mark = rows_of(kept)
    ours = contest.reference().name
    ratios = [
        ratio.value
        for arm in contest.arms
        if arm.family == family and arm.kind in kinds and (ratio := pairs.ratio(rows, arm.name, ours, contest.counts))
    ]
    if not ratios:
        return "–"
    least = min(ratios)
    return (f"{least:.1f}" if least >= 1.95 else f"{least:.2f}" if least >= 1 else f"**{least:.2f}**") + mark


def promises(found: dict[str, Any]) -> str:
    """All gates; those of disturbed rounds are judged too, and marked."""
    by_name = {contest.name: contest for contest in ALL}
    words = {True: "held", False: "**missed**", None: "not measured"}
    lines, counts, before = ["| | promise | measured | |", "|---|---|---|---|"], Counter(), ""
    for gate in gates.GATES:
        rows, mark = rows_of(found[gate.contest]) if gate.contest in found else ([], "")
        verdict = gates.verdict(gate, by_name.get(gate.contest), rows)
        if verdict.held is None and rows:  # whoever ran in no quiet round
            rows, mark = found[gate.contest]["rows"], DISTURBED
            verdict = gates.verdict(gate, by_name.get(gate.contest), rows)
        counts[verdict.held] += 1
        where, before = ("" if verdict.where == before else verdict.where), verdict.where
        word = words[verdict.held] + (mark if verdict.held is not None else "")
        lines.append(f"| {where} | {verdict.promise} | {verdict.measured} | {word} |")
    said = f"{counts[True]} held, {counts[False]} missed, {counts[None]} not measured. {PROMISES}"
    return said + "\n\n" + "\n".join(lines)


def section(contest: Contest, kept: dict[str, Any]) -> str:
    rows, mark = rows_of(kept)
    counted = f"{quiet.rounds(quiet.counted(kept['rows']))} of {quiet.rounds(kept['rows'])} rounds were quiet"
    noise = f" **{counted}: all are shown, as indications.**" if mark else f" {counted}."
    threads = "one thread" if contest.threads == 1 else f"{contest.threads} threads"
    table = shares(contest, rows) if "share" in contest.counts else times(contest, rows)
    if loud := {row["arm"] for row in kept["rows"]} - {row["arm"] for row in rows}:
        beside = [row for row in kept["rows"] if row["arm"] in loud | {contest.reference().name}]
        both = {row["round"] for row in beside if row["arm"] in loud}
        table += "\n\nIn no quiet round, and so as indications, in the rounds of their own:\n\n"
        table += times(contest, [row for row in beside if row["round"] in both])
    failed = "".join(f"\n\n`{name}` failed: {why}" for name, why in kept["failed"].items())
    return f"## {contest.title}\n\n{contest.about} Measured on {kept['date']} with {threads}.{noise}\n\n{table}{failed}"


def times(contest: Contest, rows: Sequence[Row]) -> str:
    """One line an arm, the fastest first; columns that nobody has are left out."""
    ours = contest.reference().name
    base = score_of(rows, ours)
    columns: dict[str, Any] = {
        "seconds": lambda arm: _seconds(contest, rows, arm),
        f"× {contest.reference().label}": lambda arm: _ratio(pairs.ratio(rows, arm.name, ours, contest.counts)),
        "× by processor time": lambda arm: _ratio(
            pairs.ratio(rows, arm.name, ours, [f"{contest.counts[0]}_processor"]), False
        ),
        "µs a step": lambda arm: _median(rows, arm, "step", "{:,.0f}"),
        "first step after, s": lambda arm: _median(rows, arm, "first", "{:.2f}"),
        "% of the matrix rate": lambda arm: _median(rows, arm, "rate", "{:.1f}", 100.0),
        "waits": lambda arm: _median(rows, arm, "waits", "{:.0f}"),
        contest.measure: lambda arm: _score(contest, rows, arm, base),
        "peak MiB": lambda arm: _median(rows, arm, "memory", "{:,.0f}", 2**-20),
        "rounds": lambda arm: str(len(pairs.seconds(rows, arm.name, contest.counts))) + _unreached(contest, rows, arm),
    }
    arms = [arm for arm in contest.arms if any(row["arm"] == arm.name for row in rows)]
    arms.sort(
        key=lambda arm: statistics.median(pairs.seconds(rows, arm.name, contest.counts).values() or [float("inf")])
    )
    cells = {name: [make(arm) for arm in arms] for name, make in columns.items()}
    cells = {name: column for name, column in cells.items() if any(cell not in ("", "–") for cell in column)}
    lines = ["| | " + " | ".join(cells) + " |", "|---|" + "---|" * len(cells)]
    for place, arm in enumerate(arms):
        label = f"**{arm.label}**" if arm.kind == "mapsto" else arm.label
        lines.append(f"| {label} | " + " | ".join(column[place] for column in cells.values()) + " |")
    return "\n".join(lines)


def shares(contest: Contest, rows: Sequence[Row]) -> str:
    lines = ["| | share of training | runs |", "|---|---|---|"]
    for arm in contest.arms:
        values = [row["share"] for row in rows if row["arm"] == arm.name]
        if values:
            middle = pairs.median(values)
            low, high = 100 * middle.low, 100 * middle.high
            lines.append(f"| {arm.label} | {100 * middle.value:.2f} % [{low:.2f}, {high:.2f}] | {len(values)} |")
    return "\n".join(lines)


def machines(there: Sequence[Contest], found: dict[str, Any]) -> str:
    """What was measured where, contests of one machine and one set of versions together."""
    places: dict[str, list[str]] = {}
    for contest in there:
        kept = found[contest.name]
        versions = ", ".join(f"{name} {version}" for name, version in kept["versions"].items())
        place = f"{kept['machine']}; Python {kept['python']}, {versions}; commit {kept['commit']}"
        places.setdefault(place, []).append(f"`{contest.name}`")
    return "\n".join(f"- {', '.join(names)}: {place}" for place, names in places.items())


def rows_of(kept: dict[str, Any]) -> tuple[list[Row], str]:
    """The rows that count, and a mark where there are too few quiet ones."""
    still = quiet.counted(kept["rows"])
    return (still, "") if quiet.rounds(still) >= ENOUGH else (kept["rows"], DISTURBED)


def anchor(contest: Contest) -> str:
    """GitHub's anchor of the section's heading."""
    kept = "".join(c for c in contest.title.lower() if c.isalnum() or c in " -")
    return kept.replace(" ", "-")


def score_of(rows: Sequence[Row], arm: str) -> float | None:
    scores = [row["score"] for row in rows if row["arm"] == arm and row.get("score") is not None]
    return statistics.median(scores) if scores else None


def _seconds(contest: Contest, rows: Sequence[Row], arm: Arm) -> str:
    took = list(pairs.seconds(rows, arm.name, contest.counts).values())
    return f"{statistics.median(took):.3g}" if took else "–"


def _ratio(ratio: pairs.Middle | None, interval: bool = True) -> str:
    if ratio is None:
        return "–"
    return f"{ratio.value:.2f}" + (f" [{ratio.low:.2f}, {ratio.high:.2f}]" if interval else "")


def _median(rows: Sequence[Row], arm: Arm, field: str, form: str, unit: float = 1.0) -> str:
    values = [row[field] for row in rows if row["arm"] == arm.name and row.get(field) is not None]
    return form.format(unit * statistics.median(values)) if values else "–"


def _score(contest: Contest, rows: Sequence[Row], arm: Arm, base: float | None) -> str:
    score = score_of(rows, arm.name)
    if score is None:
        return "–"
    differs = contest.target is None and base is not None and abs(score - base) > contest.band
    return f"{score:.4f}" + (" ‡" if differs else "")


def _unreached(contest: Contest, rows: Sequence[Row], arm: Arm) -> str:
    tried = [row for row in rows if row["arm"] == arm.name]
    missed = sum(row.get("fit") is None for row in tried) if contest.target is not None else 0
    return f" (not reached in {missed} of {len(tried)})" if missed else ""


if __name__ == "__main__":
    write()
