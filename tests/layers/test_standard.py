import numpy as np
import torch
from sklearn.preprocessing import StandardScaler

from mapsto.layers.standard import Standard


def test_columns_are_standardised_as_scikit_learn_does():
    rng = np.random.default_rng(0)
    x, weight = (rng.normal(size=(50, 3)) * [1, 100, 0.01] + [5, 0, 9]).astype(np.float32), rng.uniform(0.1, 2, 50)
    for w in (None, weight):
        expected = StandardScaler().fit(x.astype(np.float64), sample_weight=w).transform(x.astype(np.float64))
        given = Standard((3,), 3).fit(x, w)(torch.tensor(x))
        assert given.dtype == torch.float64
        np.testing.assert_allclose(given.numpy(), expected, atol=1e-12)


def test_a_constant_column_becomes_nought():
    x, weight = np.full((7, 1), 0.1, np.float32), np.arange(1.0, 8.0)
    for w in (None, weight):
        assert Standard((1,), 1).fit(x, w)(torch.tensor(x)).abs().max() < 1e-15


def test_the_pixels_of_a_picture_share_one_mean_and_one_scale():
    x = np.random.default_rng(0).uniform(size=(50, 4)).astype(np.float32)
    x[:, 0] = 0  # a corner that is always dark
    standard = Standard((1, 2, 2), 4).fit(x, None)
    assert len(standard.mean.unique()) == 1
    assert len(standard.scale.unique()) == 1
    np.testing.assert_allclose(standard.mean[0], x.mean(dtype=np.float64), rtol=1e-12)
    assert standard(torch.tensor(x)).abs().max() < 4
