"""A folder such as Hugging Face's hold, made on the spot: a tiny BERT of random weights."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.torch
import tokenizers
import torch

WIDTH, DEPTH, HEADS, CONTEXT = 24, 2, 4, 32


def cutter() -> tokenizers.Tokenizer:
    """Word pieces as BERT has them, whose special tokens are numbered otherwise than ours."""
    words = [
        "the",
        "film",
        "is",
        "wonderful",
        "and",
        "moving",
        "a",
        "dull",
        "story",
        "!",
        "un",
        "##film",
        "##able",
        "[",
        "]",
    ]
    vocab = {
        w: n for n, w in enumerate(["[PAD]", "[unused0]", *words, "[UNK]", "[CLS]", "[SEP]", "[MASK]", "mask", "정말"])
    }
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocab, unk_token="[UNK]"))
    made.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.decoder = tokenizers.decoders.WordPiece()
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    ends = [("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])]
    made.post_processor = tokenizers.processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=ends)
    return made


def config(tokens: int) -> dict:
    return {
        "model_type": "bert",
        "hidden_size": WIDTH,
        "num_hidden_layers": DEPTH,
        "num_attention_heads": HEADS,
        "intermediate_size": 4 * WIDTH,
        "max_position_embeddings": CONTEXT,
        "vocab_size": tokens + 3,  # padded, as some are
        "type_vocab_size": 2,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
    }


def weights(tokens: int, words: bool) -> dict[str, torch.Tensor]:
    """Random ones, under the names that such files have."""
    g = torch.Generator().manual_seed(0)
    shapes = {
        "embeddings.word_embeddings.weight": (tokens + 3, WIDTH),
        "embeddings.position_embeddings.weight": (CONTEXT, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.LayerNorm.weight": (WIDTH,),
        "embeddings.LayerNorm.bias": (WIDTH,),
        "pooler.dense.weight": (WIDTH, WIDTH),
    }
    for k in range(DEPTH):
        maps = {f"attention.self.{w}": (WIDTH, WIDTH) for w in ("query", "key", "value")}
        maps |= {"attention.output.dense": (WIDTH, WIDTH), "intermediate.dense": (4 * WIDTH, WIDTH)}
        maps |= {
            "output.dense": (WIDTH, 4 * WIDTH),
            "attention.output.LayerNorm": (WIDTH,),
            "output.LayerNorm": (WIDTH,),
        }
        for name, shape in maps.items():
            shapes |= {f"encoder.layer.{k}.{name}.weight": shape, f"encoder.layer.{k}.{name}.bias": shape[:1]}
    made = {name: 0.3 * torch.randn(shape, generator=g) for name, shape in shapes.items()}
    if not words:
        return made
    head = {
        "dense.weight": (WIDTH, WIDTH),
        "dense.bias": (WIDTH,),
        "LayerNorm.weight": (WIDTH,),
        "LayerNorm.bias": (WIDTH,),
    }
    made = {f"bert.{name}": tensor for name, tensor in made.items()}
    made |= {f"cls.predictions.transform.{n}": torch.randn(s, generator=g) for n, s in head.items()}
    return made | {"cls.predictions.bias": torch.randn(tokens + 3, generator=g)}


def write(folder: Path, words: bool = True, **other) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    made = cutter()
    (folder / "config.json").write_text(json.dumps({**config(made.get_vocab_size()), **other}))
    made.save(str(folder / "tokenizer.json"))
    safetensors.torch.save_file(weights(made.get_vocab_size(), words), folder / "model.safetensors")
    return folder
