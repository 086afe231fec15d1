"""A folder such as Hugging Face's hold, made on the spot: a tiny GPT-2 of random weights."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.torch
import tokenizers
import torch
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

WIDTH, DEPTH, HEADS, CONTEXT, SPARE = 24, 2, 4, 32, 3
END = "<|endoftext|>"
LEARNED = ["the film is wonderful and moving", "the film is a dull story", "정말 좋은 영화"]


def cutter() -> tokenizers.Tokenizer:
    """Byte pairs as GPT-2 has them; the end of a text is the last token."""
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made.train_from_iterator(
        LEARNED, trainers.BpeTrainer(vocab_size=290, initial_alphabet=alphabet, show_progress=False)
    )
    made.add_special_tokens([END])
    return made


def config(tokens: int) -> dict:
    return {
        "model_type": "gpt2",
        "n_embd": WIDTH,
        "n_layer": DEPTH,
        "n_head": HEADS,
        "n_positions": CONTEXT,
        "n_inner": None,
        "vocab_size": tokens + SPARE,  # padded, as some are
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "eos_token_id": tokens - 1,
        "resid_pdrop": 0.1,
    }


def weights(tokens: int) -> dict[str, torch.Tensor]:
    """Random ones, under the names that such files have."""
    g = torch.Generator().manual_seed(0)
    shapes = {
        "wte.weight": (tokens + SPARE, WIDTH),
        "wpe.weight": (CONTEXT, WIDTH),
        "ln_f.weight": (WIDTH,),
        "ln_f.bias": (WIDTH,),
    }
    for k in range(DEPTH):
        maps = {"attn.c_attn": (WIDTH, 3 * WIDTH), "attn.c_proj": (WIDTH, WIDTH), "ln_1": (WIDTH,), "ln_2": (WIDTH,)}
        maps |= {"mlp.c_fc": (WIDTH, 4 * WIDTH), "mlp.c_proj": (4 * WIDTH, WIDTH)}
        for name, shape in maps.items():
            shapes |= {f"h.{k}.{name}.weight": shape, f"h.{k}.{name}.bias": shape[-1:]}
    return {f"transformer.{name}": 0.3 * torch.randn(shape, generator=g) for name, shape in shapes.items()}


def write(folder: Path, change=lambda tensors: tensors, **other) -> Path:
    """change: what is kept of the tensors, and how. other: settings of config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    made = cutter()
    tokens = made.get_vocab_size()
    (folder / "config.json").write_text(json.dumps({**config(tokens), **other}))
    made.save(str(folder / "tokenizer.json"))
    safetensors.torch.save_file(change(weights(tokens)), folder / "model.safetensors")
    return folder
