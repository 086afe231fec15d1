"""Models that read a text: what they say does not hang on its padding, and is what their formulas say."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mapsto.core.errors import FrameError, ShapeError
from mapsto.models import BagOfEmbeddings, BagOfWords, TextCNN

SHAPE = {"tokens": [30]}


def texts(lengths, pad_to, seed=0):
    g = torch.Generator().manual_seed(seed)
    rows = [torch.randint(1, 30, (n,), generator=g) for n in lengths]
    tokens = torch.zeros(len(rows), pad_to, dtype=torch.long)
    for i, row in enumerate(rows):
        tokens[i, : len(row)] = row
    return {"tokens": tokens, "count": torch.tensor(lengths)}


def models():
    torch.manual_seed(0)
    words = BagOfWords(SHAPE, 3)
    words.solve({"input": texts([4] * 60, 5), "target": torch.arange(60) % 3}, "classification", 0)
    return [BagOfEmbeddings(SHAPE, 3, 8).eval(), TextCNN(SHAPE, 3, 8, 6).eval(), words]


@pytest.mark.parametrize("model", models(), ids=lambda m: type(m).__name__)
def test_padding_says_nothing_even_of_empty_texts(model):
    lengths = [0, 1, 2, 5, 9]
    with torch.no_grad():
        near, far = model(texts(lengths, 9)), model(texts(lengths, 31))
    torch.testing.assert_close(near, far)
    assert near.isfinite().all() and not torch.equal(near[1], near[3])


def test_a_text_cnn_is_its_formula():
    torch.manual_seed(0)
    model, asked = TextCNN(SHAPE, 2, 5, 4, sizes=[2, 3]).eval(), texts([6], 6)
    vectors = model.tokens.table.weight[asked["tokens"][0]]
    found = []
    for size, phrase in zip([2, 3], model.phrases, strict=True):
        around = F.pad(vectors, (0, 0, size // 2, size - 1 - size // 2))
        windows = torch.stack([around[t : t + size] for t in range(6)])  # [T, size, D]
        answers = torch.einsum("tsd,wds->tw", windows, phrase.weight) + phrase.bias
        found.append(answers.amax(0))
    expected = model.output[1](torch.cat(found).relu())
    torch.testing.assert_close(model(asked)[0], expected)


def test_a_bag_of_words_is_what_scikit_learn_makes_of_the_same_texts():
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge

    asked = texts(np.random.default_rng(0).integers(1, 12, 80).tolist(), 12)
    target = torch.arange(80) % 3
    written = [
        " ".join(f"w{t}" for t in row[:n]) for row, n in zip(asked["tokens"].tolist(), asked["count"], strict=True)
    ]
    columns = TfidfVectorizer(binary=True)
    features = columns.fit_transform(written)
    expected = LogisticRegression(C=2.0, max_iter=300).fit(features, target.numpy()).predict_proba(features)
    model = BagOfWords(SHAPE, 3)
    model.solve({"input": asked, "target": target}, "classification", 0)
    np.testing.assert_allclose(model(asked).softmax(1).numpy(), expected, atol=2e-3)
    number = torch.linspace(-1, 2, 80) ** 2
    line = BagOfWords(SHAPE, 1, penalty=0.5)
    line.solve({"input": asked, "target": number}, "regression", 0)
    expected = Ridge(0.5).fit(features, number.numpy()).predict(features)
    np.testing.assert_allclose(line(asked)[:, 0].numpy(), expected, atol=2e-3)


@pytest.mark.parametrize("kind", [BagOfEmbeddings, TextCNN, BagOfWords])
def test_what_is_no_text_is_refused(kind):
    with pytest.raises(ShapeError, match="reads text, but the input is"):
        kind((3, 8, 8), 2)


def test_impossible_sizes_are_refused():
    with pytest.raises(FrameError, match="at least 1"):
        TextCNN(SHAPE, 2, sizes=[])
    with pytest.raises(FrameError, match="solves classification and regression, but this is multi-label"):
        BagOfWords(SHAPE, 1).solve({"input": texts([2], 2), "target": torch.ones(1, 1)}, "multi-label", 0)
