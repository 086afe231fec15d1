"""Models of texts that also see the columns beside them: both say something, and padding nothing."""

import numpy as np
import pytest
import torch

from mapsto.models import BERT, BagOfEmbeddings, BagOfWords, Recurrent, TextCNN

TOKENS = {"tokens": [30]}
SHAPE = {**TOKENS, "number": [2], "category": [4]}
KINDS = [BagOfEmbeddings, TextCNN, Recurrent, BERT]
SMALL = {"width": 8, "embedding": 8, "depth": 1, "heads": 2}


def rows(count, pad_to=12, seed=0):
    g = torch.Generator().manual_seed(seed)
    lengths = torch.randint(0, 12, (count,), generator=g)
    tokens = torch.randint(1, 30, (count, 12), generator=g).masked_fill(torch.arange(12) >= lengths[:, None], 0)
    return {
        "tokens": torch.nn.functional.pad(tokens, (0, pad_to - 12)),
        "count": lengths,
        "number": torch.randn(count, 2, generator=g),
        "category": torch.randint(0, 4, (count, 1), generator=g),
    }


def made(kind, shape=SHAPE, **more):
    torch.manual_seed(0)
    known = kind.__init__.__code__.co_varnames
    return kind(shape, 3, **{word: value for word, value in SMALL.items() if word in known}, **more).eval()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_said_hangs_on_the_text_and_on_the_columns_and_not_on_padding(kind):
    model, asked = made(kind), rows(6)
    with torch.no_grad():
        said = model(asked)
        torch.testing.assert_close(said, model(rows(6, pad_to=31)))
        assert said.shape == (6, 3)
        for name in ("tokens", "number", "category"):
            other = {**asked, name: rows(6, seed=9)[name] if name != "category" else (asked[name] + 1) % 4}
            assert not torch.allclose(model(other)[asked["count"] > 0], said[asked["count"] > 0]), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_alone_has_the_weights_that_it_always_had(kind):
    alone, beside = made(kind, TOKENS).state_dict(), made(kind).state_dict()
    head = "head" if kind is BERT else "output"
    assert {name for name in alone if name.startswith(head)} == {f"{head}.1.weight", f"{head}.1.bias"}
    anew = beside.keys() - alone.keys()
    assert anew and all(name.startswith(f"{head}.2.") for name in anew), "the head alone knows of the columns"
    assert all(beside[name].shape == tensor.shape for name, tensor in alone.items() if not name.startswith(head))


def test_an_answer_for_each_token_knows_the_columns_too():
    model, asked = made(Recurrent, each=True), rows(4)
    with torch.no_grad():
        said = model(asked)
        assert said.shape == (4, 12, 3)
        assert not torch.allclose(model({**asked, "number": asked["number"] + 1}), said)


def test_a_bag_of_words_is_what_scikit_learn_makes_of_texts_and_columns():
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    asked = rows(90)
    asked["count"] = asked["count"].clamp(min=1)
    asked["tokens"][:, 0] = asked["tokens"][:, 0].clamp(min=1)
    target = (torch.arange(90) + asked["category"][:, 0]) % 3
    written = [
        " ".join(f"w{t}" for t in row[:n]) for row, n in zip(asked["tokens"].tolist(), asked["count"], strict=True)
    ]
    texts = TfidfVectorizer(binary=True, token_pattern=r"\S+").fit_transform(written)
    columns = np.concatenate([asked["number"].numpy(), np.eye(4)[asked["category"][:, 0].numpy()]], axis=1)
    both = hstack([texts, StandardScaler().fit_transform(columns)])
    expected = LogisticRegression(C=2.0, max_iter=300).fit(both, target.numpy()).predict_proba(both)
    model = BagOfWords(SHAPE, 3)
    model.solve({"input": asked, "target": target}, "classification", 0)
    np.testing.assert_allclose(model(asked).softmax(1).numpy(), expected, atol=2e-3)
