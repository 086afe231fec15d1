"""Which words spoke for an answer, and which against it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mapsto.core.batch import Batch, over
from mapsto.core.errors import FrameError
from mapsto.domains.text import Text
from mapsto.layers.tokens import Tokens

STEPS = 32  # places on the way from no words to all of them
OF_TOKENS = ("tokens", "characters")  # of an input, what it has for each token


@dataclass(frozen=True)
class Attribution:
    """shares: of each token, how much it moved the log-odds of `answer`; what they add up to is `whole` − `nothing`.

    whole: the log-odds of the answer, given the text; nothing: given as many tokens that say nothing.
    """

    answer: int
    tokens: list[str]
    shares: list[float]
    whole: float
    nothing: float


def attributed(model: nn.Module, text: Text, batch: Batch, answers: Tensor) -> list[Attribution]:
    """Integrated gradients over the tokens' vectors, from vectors of zero (Sundararajan, Taly and Yan 2017, arXiv:1703.01365,
    eq. 1, midpoint rule): for each text of a ready batch, what spoke for its answer, [B] class numbers. Columns beside a text stay
    as they are on the way.

    FrameError where the model does not read tokens by their vectors.
    """
    if not any(isinstance(module, Tokens) for module in model.modules()):
        raise FrameError(
            f"{type(model).__name__} has no vectors of tokens by which to tell what spoke for its answer.",
            "Choose a model that learns them: text-cnn, or bag-of-embeddings.",
            "F004",
        )
    was = model.training
    model.eval()
    try:
        return [_one(model, text, over(batch, lambda t, i=i: t[i : i + 1]), int(a)) for i, a in enumerate(answers)]
    finally:
        model.train(was)


def words_of(found: Attribution, most: int = 80) -> list[tuple[str, float]]:
    """The tokens, and their shares as parts of the largest, −1 to 1; of a long text the first ones."""
    largest = max((abs(share) for share in found.shares), default=0.0) or 1.0
    shown = [(word, share / largest) for word, share in zip(found.tokens, found.shares, strict=True)]
    return shown[:most] + ([("…", 0.0)] if len(shown) > most else [])


def _one(model: nn.Module, text: Text, one: Batch, answer: int) -> Attribution:
    count = int(one["input"]["count"][0])
    places = max(1, count)  # of an empty text, one is there all the same
    input = {name: tensor[:, :places] if name in OF_TOKENS else tensor for name, tensor in one["input"].items()}
    many = {name: tensor.expand(STEPS + 2, *tensor.shape[1:]) for name, tensor in input.items()}
    scale = torch.cat([(torch.arange(STEPS) + 0.5) / STEPS, torch.tensor([1.0, 0.0])])  # then all of it, then nothing
    # cuDNN has no gradient of a recurrent layer outside of training
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False), _scaled(model, scale) as seen:
        odds = _log_odds(model(many), answer)
        gradients = torch.autograd.grad(odds[:STEPS].sum(), seen)
    shares = sum((g[:STEPS].mean(0) * v[STEPS]).sum(-1) for g, v in zip(gradients, seen, strict=True))
    tokens = [text.tokens.token(number) for number in input["tokens"][0, :count].tolist()]
    whole, nothing = odds[STEPS:].tolist()
    return Attribution(answer, tokens, shares[:count].tolist(), whole, nothing)


def _log_odds(logits: Tensor, answer: int) -> Tensor:
    """[B, C] → log p(answer) / (1 − p(answer)), [B]."""
    others = torch.cat([logits[:, :answer], logits[:, answer + 1 :]], dim=1)
    return logits[:, answer] - others.logsumexp(dim=1)


@contextmanager
def _scaled(model: nn.Module, scale: Tensor) -> Iterator[list[Tensor]]:
    """While it lasts, the vectors of row i are `scale[i]` times what they are; the list has what every layer of them gave."""
    seen: list[Tensor] = []

    def less(module: nn.Module, inputs: tuple, vectors: Tensor) -> Tensor:
        seen.append((vectors * scale.to(vectors)[:, None, None]).requires_grad_())
        return seen[-1]

    hooks = [module.register_forward_hook(less) for module in model.modules() if isinstance(module, Tokens)]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
