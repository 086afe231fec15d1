"""Translation: the surprise at each true token, given those before it; answered by search."""

import pytest
import torch
from torch import nn

from mapsto.core.batch import over
from mapsto.core.errors import FrameError, ShapeError, UnknownName
from mapsto.core.ragged import Ragged
from mapsto.domains import Text
from mapsto.domains.tokenizer import END, SPECIAL, START
from mapsto.models import Seq2Seq, Transformer
from mapsto.objectives import Translation
from mapsto.objectives import translation as file


def batch(rows=7, seed=0):
    """Inputs and answers of 0 to 6 tokens each."""
    g = torch.Generator().manual_seed(seed)
    fields = {}
    for end in ("input", "target"):
        texts = [torch.randint(len(SPECIAL), 20, (n % 7,), generator=g).tolist() for n in range(rows)]
        if end == "target":
            texts = [[START, *text, END] for text in texts]
        tokens, count = Ragged.of(texts, dtype=torch.long).gather(torch.arange(rows), 9)
        fields[end] = {"tokens": tokens, "count": count}
    return fields


def model():
    torch.manual_seed(0)
    return Transformer({"tokens": [20]}, 20, 12, 3, 1).eval()


@torch.no_grad()
def test_its_loss_is_the_formula_over_real_tokens():
    asked, learner, total, count = batch(), model(), 0.0, 0
    for row, n in enumerate(asked["target"]["count"].tolist()):
        one = over(asked, lambda t, row=row: t[row : row + 1])
        tokens = one["target"]["tokens"][:, :n]
        log_p = learner(one["input"], tokens[:, :-1]).log_softmax(dim=2)[0]
        for place, true in enumerate(tokens[0, 1:].tolist()):
            total -= 0.9 * float(log_p[place, true]) + 0.1 * float(log_p[place].mean())
            count += 1
    found = Translation(smoothing=0.1).losses(learner, asked, "")["cross-entropy"]
    assert float(found.count) == count
    assert float(found.total) == pytest.approx(total, rel=1e-5)


@torch.no_grad()
def test_weight_counts_examples():
    asked, learner = batch(), model()
    weight = torch.tensor([1.0, 1, 1, 1, 0, 0, 0])
    weighed = Translation().losses(learner, {**asked, "weight": weight}, "")["cross-entropy"]
    fewer = Translation().losses(learner, over(asked, lambda t: t[:4]), "")["cross-entropy"]
    assert float(weighed.total) == pytest.approx(float(fewer.total), rel=1e-5)
    assert float(weighed.count) == float(fewer.count)


@torch.no_grad()
def test_an_exam_holds_few_logits_at_a_time_and_adds_up_the_same(monkeypatch):
    asked, learner = batch(), model()
    whole = Translation().losses(learner, asked, "")["cross-entropy"]
    monkeypatch.setattr(file, "TOGETHER", 20)
    with torch.inference_mode():
        parts = Translation().losses(learner, asked, "")["cross-entropy"]
    assert float(parts.total) == pytest.approx(float(whole.total), rel=1e-5)
    assert float(parts.count) == float(whole.count)


@pytest.mark.parametrize("width", [1, 3])
def test_an_answer_is_tokens_up_to_an_end_and_needs_no_target(width):
    asked, objective = batch(), Translation(beam=width, longest=6)
    found = objective.predict(model(), {"input": asked["input"]})
    assert found.dtype == torch.int64 and found.shape[0] == 7 and found.shape[1] <= 6
    assert torch.equal(found, objective.predict(model(), asked))
    for row in found.tolist():
        said = row[: row.index(-1)] if -1 in row else row
        assert END not in said[:-1] and all(token == END or token >= len(SPECIAL) for token in said)
        assert set(row[len(said) :]) <= {-1}


def test_it_answers_a_row_alike_alone_and_in_company():
    asked, objective = batch(), Translation(beam=2)
    together = objective.predict(model(), asked)
    for row in range(7):
        alone = objective.predict(model(), over(asked, lambda t, row=row: t[row : row + 1]))[0]
        assert together[row, : len(alone)].tolist() == alone.tolist()
        assert (together[row, len(alone) :] == -1).all()


@pytest.mark.parametrize("attention", ["none", "additive"])
def test_it_learns_to_say_a_text_backwards(attention):
    torch.manual_seed(0)
    learner = Seq2Seq({"tokens": [12]}, 12, "gru", 48, 1, 24, attention, dropout=0.0)
    optimizer, objective = torch.optim.Adam(learner.parameters(), 1e-2), Translation(smoothing=0.0)
    g = torch.Generator().manual_seed(0)

    def drawn(rows):
        text = torch.randint(len(SPECIAL), 12, (rows, 3), generator=g)
        ends = [torch.full((rows, 1), token) for token in (START, END)]
        target = torch.cat([ends[0], text.flip(1), ends[1]], dim=1)
        return {
            "input": {"tokens": text, "count": torch.full((rows,), 3)},
            "target": {"tokens": target, "count": torch.full((rows,), 5)},
        }

    for _ in range(150):
        loss = objective.losses(learner, drawn(32), "")["cross-entropy"]
        optimizer.zero_grad()
        (loss.total / loss.count).backward()
        optimizer.step()
    asked = drawn(50)
    right = objective.predict(learner.eval(), asked)[:, :4] == asked["target"]["tokens"][:, 1:]
    assert right.all(dim=1).float().mean() > 0.9


def test_its_measures_read_what_the_target_domain_says():
    text = Text("byte-pairs", ends=True).fit(["a man rides a horse", "two dogs run on a beach"] * 3)
    encoded = text.encode(["a man rides a horse on a beach", "two dogs run"])
    measures = Translation().measures(text)
    assert next(iter(measures)) == "bleu"
    for measure in measures.values():
        tokens = encoded["tokens"]
        padded, count = tokens.gather(torch.arange(2), int(tokens.lengths.max()))
        said = padded[:, 1:].masked_fill(torch.arange(padded.shape[1] - 1) >= (count - 1)[:, None], -1)
        measure.update(said, {"tokens": padded, "count": count})
        assert measure.kept[0][:, :4].sum(dim=1).tolist() == [8 + 7 + 6 + 5, 3 + 2 + 1]


def test_a_model_that_says_nothing_is_refused():
    with pytest.raises(ShapeError, match="reads one text and says another, but Linear does not"):
        Translation().predict(nn.Linear(2, 2), batch())


def test_impossible_settings_are_refused():
    for wrong in ({"smoothing": 1.0}, {"beam": 0}, {"longest": 0}, {"length_penalty": -1.0}, {"stretch": 0.0}):
        with pytest.raises(FrameError):
            Translation(**wrong)
    with pytest.raises(UnknownName, match="sacrebleu"):
        Translation(judged_by="sacrebleau")
