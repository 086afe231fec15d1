"""How fast a small GPT-2 writes: `python -m benchmarks.speed.generation`, beside `transformers`' own `generate` at its defaults.

The same weights in both (4 layers of width 128, 4 heads, 65 tokens, 1,024 places), batch 1, a prompt of 16 tokens, greedy: the
same tokens come out, which is looked at every round. One thread. Rounds are interleaved in random order; the figure is the
median of the ratios within a round.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks.speed import pairs
from mapsto.layers.decoding import likeliest, written
from mapsto.models.gpt import GPT

VOCABULARY, PLACES, WIDTH, LAYERS, HEADS, PROMPT = 65, 1024, 128, 4, 4, 16
GATE = 5.0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.generation", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--tokens", type=int, default=256)
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    theirs = _theirs()
    mine = copied(theirs)
    prompt = torch.randint(VOCABULARY, (1, PROMPT))
    arms = {
        "transformers": lambda: _theirs_writes(theirs, prompt, asked.tokens),
        "mapsto": lambda: _writes(mine, prompt, asked.tokens),
    }
    rows = []
    for turn in range(-1, asked.rounds):  # the first warms up
        said: dict[str, Tensor] = {}
        for name in pairs.order(list(arms), turn):
            seconds, said[name] = _timed(arms[name])
            if turn >= 0:
                rows.append({"round": turn, "arm": name, "fit": seconds})
        if not torch.equal(said["mapsto"], said["transformers"]):
            print(f"round {turn}: the tokens differ", file=sys.stderr)
            return 1
    for name in arms:
        middle = pairs.median([asked.tokens / row["fit"] for row in rows if row["arm"] == name])
        print(f"{name:14s} {middle.value:8,.0f} tokens/s [{middle.low:,.0f}, {middle.high:,.0f}]")
    found = pairs.ratio(rows, "transformers", "mapsto")
    print(
        f"ratio          {found.value:.2f} [{found.low:.2f}, {found.high:.2f}] over {found.rounds} rounds; gate {GATE}"
    )
    return 0 if found.value >= GATE else 1


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


def _theirs_writes(model: GPT2LMHeadModel, prompt: Tensor, tokens: int) -> Tensor:
    return model.generate(prompt, max_new_tokens=tokens)[0, PROMPT:]


def _writes(model: GPT, prompt: Tensor, tokens: int) -> Tensor:
    return torch.cat(list(written(model.reading(), prompt, tokens, likeliest)))


def _timed(act: Callable[[], Tensor]) -> tuple[float, Tensor]:
    begun = time.perf_counter()
    said = act()
    return time.perf_counter() - begun, said


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
