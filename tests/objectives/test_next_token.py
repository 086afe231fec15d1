"""Next token: the mean over all places is that of the formula, however texts are batched and weighed."""

import json

import pytest
import torch
from torch import nn

from mapsto.core import names
from mapsto.core.batch import Mean, joined, pieces
from mapsto.core.errors import FrameError, ShapeError, UnknownName
from mapsto.domains import Text
from mapsto.objectives import NextToken

KINDS = 9


class Table(nn.Module):
    """Logits that hang on the token alone."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(KINDS, KINDS)

    def forward(self, input):
        return self.table(input["tokens"])


def batch(rows=5, length=7, seed=0):
    """Texts of several lengths, filled up."""
    draw = torch.Generator().manual_seed(seed)
    tokens, target = (torch.randint(1, KINDS, (rows, length), generator=draw) for _ in range(2))
    count = torch.tensor([7, 3, 1, 5, 6])[:rows]
    beyond = torch.arange(length) >= count[:, None]
    return {
        "input": {"tokens": tokens.masked_fill(beyond, 0), "count": count},
        "target": target.masked_fill(beyond, -1),
    }


def mean(losses) -> float:
    (loss,) = losses.values()
    return float((loss.total / loss.count).detach())


def written_out(model, batch, smoothing=0.0):
    losses = []
    for row, places in zip(batch["input"]["tokens"].tolist(), batch["target"].tolist(), strict=True):
        for token, comes in zip(row, places, strict=True):
            if comes >= 0:
                log_p = model.table.weight[token].log_softmax(0)
                losses.append(-(1 - smoothing) * log_p[comes] - smoothing * log_p.mean())
    return torch.stack(losses).mean().item()


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_it_is_the_formula_over_all_places_that_are_there(smoothing):
    model = Table()
    losses = NextToken(smoothing).losses(model, batch(), "")
    assert isinstance(losses["next-token"], Mean) and float(losses["next-token"].count) == 22
    assert mean(losses) == pytest.approx(written_out(model, batch(), smoothing), rel=1e-5)


def test_parts_of_a_batch_together_are_the_batch():
    model, whole = Table(), batch()
    parts = [NextToken().losses(model, part, "") for part in pieces(whole, 3)]
    assert mean(joined(parts)) == pytest.approx(mean(NextToken().losses(model, whole, "")), rel=1e-6)


def test_texts_of_weight_nought_do_not_matter():
    model, whole = Table(), batch()
    few = {"input": {k: v[:3] for k, v in whole["input"].items()}, "target": whole["target"][:3]}
    weight = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0])
    assert mean(NextToken().losses(model, {**whole, "weight": weight}, "")) == pytest.approx(
        mean(NextToken().losses(model, few, "")), rel=1e-6
    )


def test_more_padding_changes_nothing():
    model, whole = Table(), batch()
    longer = {
        "input": {**whole["input"], "tokens": nn.functional.pad(whole["input"]["tokens"], (0, 4))},
        "target": nn.functional.pad(whole["target"], (0, 4), value=-1),
    }
    assert mean(NextToken().losses(model, longer, "")) == pytest.approx(
        mean(NextToken().losses(model, whole, "")), rel=1e-6
    )


def test_it_predicts_log_probabilities_and_needs_no_target():
    said = NextToken().predict(Table(), {"input": batch()["input"]})
    assert said.shape == (5, 7, KINDS) and said.dtype == torch.float32
    torch.testing.assert_close(said.exp().sum(2), torch.ones(5, 7))


def test_its_measures_say_what_the_loss_says():
    text = Text("characters", at_least=1).fit(["abc"])
    assert text.outputs == KINDS
    measures = NextToken().measures(text)
    model, whole = Table(), batch()
    with torch.no_grad():
        said = NextToken().predict(model, whole)
    for measure in measures.values():
        measure.update(said, whole["target"])
    assert next(iter(measures)) == "nats-per-token"
    assert measures["nats-per-token"].total() == pytest.approx(written_out(model, whole), rel=1e-6)
    assert next(iter(NextToken(judged_by="bits-per-byte").measures(text))) == "bits-per-byte"


def test_its_spec_builds_it_again():
    written = json.loads(json.dumps(names.spec(NextToken(0.1))))
    assert written == {"name": "next-token", "smoothing": 0.1, "judged_by": "nats-per-token"}
    assert names.build("objective", written) == NextToken(0.1)


def test_what_cannot_be_is_refused():
    with pytest.raises(FrameError, match="a share in"):
        NextToken(1.0)
    with pytest.raises(UnknownName, match="Near it: bits-per-byte"):
        NextToken(judged_by="bits-per-bite")
    with pytest.raises(ShapeError, match=r"logits \[B, T, V\], but Flat gave \[5, 2\]"):
        NextToken().predict(Flat(), batch())


class Flat(nn.Module):
    def forward(self, input):
        return torch.zeros(len(input["tokens"]), 2)
