"""How fast a small GPT-2 writes, beside `transformers`' own `generate` at its defaults.

The same weights in both (4 layers of width 128, 4 heads, 65 tokens, 1,024 places), batch 1, a prompt of 16 tokens, greedy: the
same tokens come out, which is looked at every round. Both in one process, on one thread, in random order within a round; a round
counts by the rule of quiet.py, and the figure is the median of the ratios within a round.

    python -m benchmarks.speed.generation [--rounds 15] [--tokens 256] [--quick]        → docs/speed_generation.json
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks.speed import pairs, quiet, record, report
from benchmarks.speed.contest import Contest
from benchmarks.speed.measure import PATIENCE
from benchmarks.speed.pairs import Row
from mapsto.layers.decoding import likeliest, written
from mapsto.models.gpt import GPT

VOCABULARY, PLACES, WIDTH, LAYERS, HEADS, PROMPT = 65, 1024, 128, 4, 4, 16
MINE, THEIRS = "mapsto", "transformers"
NO_OTHER = 0  # the number of a process that is measured beside this one
CONTEST = Contest("generation", "Writing with a small GPT-2", "writing", "", "", ())


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.generation", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--quick", action="store_true", help="three rounds, kept apart: whether it works at all")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    theirs = _theirs()
    mine = copied(theirs)
    prompt = torch.randint(VOCABULARY, (1, PROMPT))
    arms = {
        THEIRS: lambda: theirs.generate(prompt, max_new_tokens=asked.tokens)[0, PROMPT:],
        MINE: lambda: torch.cat(list(written(mine.reading(), prompt, asked.tokens, likeliest))),
    }
    rounds = 3 if asked.quick else asked.rounds
    rows: list[Row] = []
    for turn in range(-1, round(PATIENCE * rounds)):  # the first warms up
        if turn >= rounds and quiet.rounds(quiet.counted(rows)) >= rounds:
            break
        said: dict[str, Tensor] = {}
        for name in pairs.order(list(arms), turn):
            row, said[name] = _measured(arms[name])
            rows += [{"round": turn, "arm": name, **row}] if turn >= 0 else []
        if not torch.equal(said[MINE], said[THEIRS]):
            print(f"round {turn}: the tokens differ", file=sys.stderr)
            return 1
    command = " ".join(["python -m benchmarks.speed.generation", *arguments])
    kept = record.TRIED.with_name("generation.json") if asked.quick else record.GENERATION
    record.keep(CONTEST, {"tokens": asked.tokens, "rows": rows}, command, kept)
    print(report.writing(record.read(kept)))
    if not asked.quick:
        report.write()
    counted, _ = report.rows_of({"rows": rows})
    return 0 if pairs.ratio(counted, THEIRS, MINE).low >= report.WRITING_GATE else 1


def copied(theirs: GPT2LMHeadModel) -> GPT:
    """Our GPT with the weights of a GPT-2; its maps are written the other way round."""
    config, body = theirs.config, theirs.transformer
    mine = GPT({"tokens": [config.vocab_size]}, config.vocab_size, WIDTH, LAYERS, HEADS, config.n_positions)
    pairs_of = [(mine.tokens.table, body.wte), (mine.places, body.wpe), (mine.norm, body.ln_f)]
    for block, layer in zip(mine.blocks, body.h, strict=True):
        pairs_of += [
            (block.norm, layer.ln_1),
            (block.last_norm, layer.ln_2),
            (block.attention.project, layer.attn.c_attn),
            (block.attention.join, layer.attn.c_proj),
            (block.widen, layer.mlp.c_fc),
            (block.narrow, layer.mlp.c_proj),
        ]
    with torch.no_grad():
        for ours, other in pairs_of:
            _copy(ours, other)
    return mine.eval()


def _copy(mine: nn.Module, theirs: nn.Module) -> None:
    turned = isinstance(mine, nn.Linear)  # Conv1D keeps [in, out]
    mine.weight.copy_(theirs.weight.T if turned else theirs.weight)
    if getattr(mine, "bias", None) is not None:
        mine.bias.copy_(theirs.bias)


def _theirs() -> GPT2LMHeadModel:
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=PLACES,
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=HEADS,
        bos_token_id=None,
        eos_token_id=None,
    )
    return GPT2LMHeadModel(config).eval()


def _measured(act: Callable[[], Tensor]) -> tuple[Row, Tensor]:
    """What was written, how long it took, and how quiet the machine was meanwhile."""
    canary, before = quiet.canary(), quiet.moment(NO_OTHER)
    begun = time.perf_counter()
    said = act()
    took = time.perf_counter() - begun
    others = quiet.others(before, quiet.moment(NO_OTHER))
    return {"fit": took, "others": others, "canary": max(canary, quiet.canary()), "load": quiet.load()}, said


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
