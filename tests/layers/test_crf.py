"""A conditional random field against all its paths, written down one by one."""

from itertools import pairwise, product

import pytest
import torch

from mapsto.core import seeds
from mapsto.layers.crf import CRF, crf_of

TAGS, LENGTHS = 3, [4, 1, 3, 0]


@pytest.fixture
def crf():
    seeds.set_all(0)
    made = CRF(TAGS).double()
    with torch.no_grad():
        for weight in made.parameters():
            weight.normal_()
    return made


def asked(pad_to=4):
    seeds.set_all(1)
    emissions = torch.randn(len(LENGTHS), 4, TAGS)
    path = torch.randint(TAGS, (len(LENGTHS), 4))
    more = pad_to - 4
    emissions = torch.cat([emissions, torch.full((len(LENGTHS), more, TAGS), 7.0)], dim=1)
    path = torch.cat([path, path.new_zeros(len(LENGTHS), more)], dim=1)
    count = torch.tensor(LENGTHS)
    return emissions, path.masked_fill(torch.arange(pad_to) >= count[:, None], -1), count


def score(crf, emissions, path):
    """The exponent of the formula, of one path."""
    steps = sum(emissions[t, y] for t, y in enumerate(path))
    return crf.first[path[0]] + steps + sum(crf.follows[a, b] for a, b in pairwise(path)) + crf.last[path[-1]]


def test_the_likelihood_is_that_of_the_path_among_all_paths(crf):
    emissions, path, count = asked()
    given = crf.log_likelihood(emissions, path, count)
    for row, length in enumerate(LENGTHS[:3]):
        every = torch.stack([score(crf, emissions[row], p) for p in product(range(TAGS), repeat=length)])
        expected = score(crf, emissions[row], path[row, :length].tolist()) - every.logsumexp(0)
        assert given[row].item() == pytest.approx(expected.item(), abs=1e-5)
    assert given[3] == 0


def test_the_best_path_is_the_best_of_all(crf):
    emissions, _, count = asked()
    best = crf.best(emissions, count)
    for row, length in enumerate(LENGTHS[:3]):
        every = max(product(range(TAGS), repeat=length), key=lambda p, row=row: score(crf, emissions[row], p).item())
        assert best[row].tolist() == [*every, *[-1] * (4 - length)]
    assert best[3].tolist() == [-1] * 4


def test_padding_changes_nothing(crf):
    near, far = asked(), asked(pad_to=9)
    torch.testing.assert_close(crf.log_likelihood(*near), crf.log_likelihood(*far))
    assert torch.equal(crf.best(near[0], near[2]), crf.best(far[0], far[2])[:, :4])


def test_of_all_paths_of_one_length_the_likelihoods_add_up_to_one(crf):
    emissions = asked()[0][:1].expand(TAGS**4, -1, -1)
    paths = torch.tensor(list(product(range(TAGS), repeat=4)))
    total = crf.log_likelihood(emissions, paths, torch.full((TAGS**4,), 4)).exp().sum()
    assert total.item() == pytest.approx(1, abs=1e-5)


def test_its_gradient_is_finite_where_a_sentence_is_empty(crf):
    emissions, path, count = asked()
    emissions.requires_grad_()
    crf.log_likelihood(emissions, path, count).sum().backward()
    assert all(w.grad.isfinite().all() for w in [emissions, *crf.parameters()])
    assert not emissions.grad[3].any()


def test_it_is_found_among_the_layers_of_a_model(crf):
    assert crf_of(torch.nn.Sequential(torch.nn.Linear(2, 2), crf)) is crf
    assert crf_of(torch.nn.Linear(2, 2)) is None
