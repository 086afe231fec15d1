"""Tags token by token, and as one path."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mapsto.core import seeds
from mapsto.core.errors import FrameError, ShapeError, UnknownName
from mapsto.domains import Tags
from mapsto.layers.crf import CRF
from mapsto.objectives import Tagging

TOKENS, TARGET = torch.tensor([[3, 4, 5], [6, 0, 0]]), torch.tensor([[0, 2, 1], [2, -1, -1]])
BATCH = {"input": {"tokens": TOKENS, "count": torch.tensor([3, 1])}, "target": TARGET}


class Tagger(nn.Module):
    def __init__(self, crf=False):
        super().__init__()
        seeds.set_all(0)
        self.logits, self.path = nn.Embedding(7, 3), CRF(3) if crf else None

    def forward(self, input):
        return self.logits(input["tokens"])


def test_the_loss_is_the_mean_over_tokens_of_cross_entropy():
    model = Tagger()
    loss = Tagging().losses(model, BATCH, "")["tagging"]
    real = TARGET >= 0
    expected = F.cross_entropy(model(BATCH["input"])[real], TARGET[real], reduction="sum")
    assert loss.count == 4
    torch.testing.assert_close(loss.total, expected)
    smooth = Tagging(smoothing=0.1).losses(model, BATCH, "")["tagging"]
    expected = F.cross_entropy(model(BATCH["input"])[real], TARGET[real], reduction="sum", label_smoothing=0.1)
    torch.testing.assert_close(smooth.total, expected)


def test_with_a_path_it_is_the_likelihood_of_the_path():
    model = Tagger(crf=True)
    loss = Tagging().losses(model, BATCH, "")["tagging"]
    expected = -model.path.log_likelihood(model(BATCH["input"]), TARGET, BATCH["input"]["count"]).sum()
    assert loss.count == 4
    torch.testing.assert_close(loss.total, expected)
    plain = Tagging().losses(Tagger(), BATCH, "")["tagging"]
    torch.testing.assert_close(plain.total, loss.total)  # nothing is known yet of what follows what


def test_sentences_count_by_their_weight():
    weighted = {**BATCH, "weight": torch.tensor([0.0, 2.0])}
    for model in (Tagger(), Tagger(crf=True)):
        alone = Tagging().losses(
            model, {"input": {k: v[1:] for k, v in BATCH["input"].items()}, "target": TARGET[1:]}, ""
        )
        loss = Tagging().losses(model, weighted, "")["tagging"]
        assert loss.count == 2
        torch.testing.assert_close(loss.total, 2 * alone["tagging"].total)


def test_a_path_with_a_gap_has_no_likelihood_and_a_token_without_a_tag_no_loss():
    gap = {**BATCH, "target": torch.tensor([[0, -1, 1], [2, -1, -1]])}
    assert Tagging().losses(Tagger(), gap, "")["tagging"].count == 3
    assert Tagging().losses(Tagger(crf=True), gap, "")["tagging"].count == 1


def test_predictions_end_with_their_sentences():
    for model in (Tagger(), Tagger(crf=True)):
        given = Tagging().predict(model, {"input": BATCH["input"]})
        assert given.tolist()[1][1:] == [-1, -1] and (given[0] >= 0).all()
        assert given[0].tolist() == model(BATCH["input"])[0].argmax(1).tolist()


def test_spans_are_measured_where_tags_mark_them():
    spans, words = Tags().fit([["O", "B-PER", "I-PER"]]), Tags().fit([["NOUN", "VERB"]])
    assert list(Tagging().measures(words)) == ["tag-accuracy"]
    assert list(Tagging().measures(spans)) == ["tag-accuracy", "span-f1"]
    assert list(Tagging(judged_by="span-f1").measures(spans)) == ["span-f1", "tag-accuracy"]
    with pytest.raises(FrameError, match="mark spans"):
        Tagging(judged_by="span-f1").measures(words)


def test_what_cannot_be_is_refused():
    with pytest.raises(ShapeError, match="model.each=true"):
        Tagging().losses(nn.Sequential(Tagger(), nn.Flatten()), BATCH, "")
    with pytest.raises(FrameError, match="tells a path"):
        Tagging(smoothing=0.1).losses(Tagger(crf=True), BATCH, "")
    with pytest.raises(FrameError, match="a share"):
        Tagging(smoothing=1.0)
    with pytest.raises(UnknownName, match="Near it: span-f1"):
        Tagging(judged_by="span")
