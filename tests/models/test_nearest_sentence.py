"""The translator that has to be beaten: what the sentence with the rarest words in common was translated by."""

import pytest
import torch

from mapsto.core import names
from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Solvable
from mapsto.domains.tokenizer import END, START
from mapsto.models import NearestSentence, nearest_sentence
from mapsto.objectives.translation import Translation, Translator

A, RED, DOG, BLUE, CAT, SEES, STRANGE = 7, 8, 9, 10, 11, 12, 20
READ = [[A, RED, DOG, SEES], [A, BLUE, DOG, SEES], [A, RED, CAT, SEES], [A, SEES, A, BLUE, CAT, CAT]]
SAID = [[13, 14], [13], [], [13, 13, 16, 17]]
SHAPE, OUTPUTS = {"tokens": [21]}, 18


def padded(rows, more=0):
    tokens = torch.zeros(len(rows), max(map(len, rows)) + more, dtype=torch.long)
    for row, said in zip(tokens, rows, strict=True):
        row[: len(said)] = torch.tensor(said, dtype=torch.long)
    return {"tokens": tokens, "count": torch.tensor(list(map(len, rows)))}


def batch(rows=4, **more):
    return {"input": padded(READ[:rows]), "target": padded([[START, *said, END] for said in SAID[:rows]]), **more}


def solved(**more):
    model = NearestSentence(SHAPE, OUTPUTS)
    model.solve(batch(**more), "translation", 0)
    return model


def answers(model, asked, **how):
    return Translation(**how).predict(model, {"input": padded(asked)}).tolist()


def test_it_says_what_the_most_similar_sentence_was_answered_by():
    model = solved()
    assert isinstance(model, Translator) and isinstance(model, Solvable)
    assert model.nearest(padded([[A, A, BLUE, DOG], [CAT, RED], [BLUE, CAT], [STRANGE], []])).tolist() == [
        1,
        2,
        3,
        0,
        0,
    ]
    for beam in (1, 3):
        assert answers(model, [[A, BLUE, DOG], [RED, CAT]], beam=beam) == [[13, END], [END, -1]]
        assert answers(model, [[BLUE, CAT]], beam=beam) == [[13, 13, 16, 17, END]]


def test_it_is_the_cosine_that_scikit_learn_gives():
    from sklearn.feature_extraction.text import TfidfVectorizer

    def text(row):
        return " ".join(f"w{token}" for token in row)

    g = torch.Generator().manual_seed(0)
    read = [torch.randint(6, 21, (n,), generator=g).tolist() for n in torch.randint(1, 9, (40,), generator=g).tolist()]
    asked = [torch.randint(6, 21, (n,), generator=g).tolist() for n in torch.randint(1, 9, (30,), generator=g).tolist()]
    model = NearestSentence(SHAPE, OUTPUTS)
    said = padded([[START, 13, END]] * 40)
    model.solve({"input": padded(read), "target": said}, "translation", 0)
    columns = TfidfVectorizer(binary=True)
    cosine = (columns.fit_transform(map(text, read)) @ columns.transform(map(text, asked)).T).toarray()
    found = model.nearest(padded(asked)).numpy()
    assert (cosine[found, range(30)] >= cosine.max(axis=0) - 1e-5).all()
    assert len(set(found.tolist())) > 8


def test_how_many_are_compared_at_once_and_how_far_they_are_padded_says_nothing(monkeypatch):
    model, asked = solved(), [[A, BLUE, DOG], [RED, CAT], [BLUE], [], [DOG, DOG]]
    whole = model.nearest(padded(asked))
    assert torch.equal(model.nearest(padded(asked, more=7)), whole)
    monkeypatch.setattr(nearest_sentence, "AT_ONCE", 1)
    assert torch.equal(model.nearest(padded(asked)), whole)
    for one, row in zip(asked, answers(model, asked), strict=True):
        alone = answers(model, [one])[0]
        assert row == alone + [-1] * (len(row) - len(alone))


def test_step_by_step_it_says_what_it_says_at_once():
    model = solved()
    memory = model.encode(padded(READ))
    said = torch.full((4, 7), START)
    whole, state = model.decode(memory, said), model.begin(memory)
    for place in range(7):
        logits, state = model.step(said[:, place], state)
        assert torch.equal(logits, whole[:, place])
    assert whole.argmax(2)[0].tolist() == [13, 14, END, END, END, END, END]
    torch.testing.assert_close(model(padded(READ)), whole[:, 0])
    state = model.begin(memory)
    state.select(torch.tensor([3, 0]))
    _, state = model.step(said[:2, 0], state)
    assert model.step(said[:2, 0], state)[0].argmax(1).tolist() == [13, 14]


def test_its_losses_are_finite_and_small_where_it_is_right():
    model = solved()
    loss = Translation(smoothing=0.0).losses(model, batch(), "")["cross-entropy"]
    assert float(loss.total) < 1e-4 and int(loss.count) == sum(map(len, SAID)) + 4
    strange = {"input": padded([[DOG]]), "target": padded([[START, 6, 6, 6, 6, 6, END]])}
    assert torch.isfinite(Translation().losses(model, strange, "")["cross-entropy"].total)


def test_sentences_of_weight_nought_might_as_well_not_be_there():
    weighed, fewer = solved(weight=torch.tensor([1.0, 1.0, 1.0, 0.0])), solved(rows=3)
    assert all(torch.equal(a, b) for a, b in zip(weighed.buffers(), fewer.buffers(), strict=True))


def test_solved_again_it_is_the_same_and_saved_and_loaded_it_answers_the_same():
    model = solved()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.solve(batch(), "translation", 0)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    fresh = names.build("model", names.spec(model))
    fresh.shaped({name: list(tensor.shape) for name, tensor in before.items()}).load_state_dict(before)
    assert not fresh.odd() and answers(fresh, READ) == answers(model, READ)


@pytest.mark.parametrize(
    ("name", "place", "value", "odd"),
    [("reads", 1, 99, "not where"), ("says", -1, 2, "not where"), ("said", 0, 18, "none"), ("read", 0, -1, "none")],
)
def test_places_beyond_its_sentences_are_odd(name, place, value, odd):
    model = solved()
    getattr(model, name)[place] = value
    assert odd in model.odd()


def test_what_it_cannot_do_is_refused():
    with pytest.raises(FrameError, match="solves translation, but this is classification"):
        NearestSentence(SHAPE, 3).solve(batch(), "classification", 0)
    with pytest.raises(FrameError, match="has not seen any example"):
        NearestSentence(SHAPE, OUTPUTS)(padded(READ))
    with pytest.raises(ShapeError, match="reads text"):
        NearestSentence((6,), 3)
