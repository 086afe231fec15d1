"""What every domain on the shelf promises. A new file and its line are picked up here with no change."""

import json
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
import torch

from mapsto.core import names
from mapsto.core.batch import Field, over
from mapsto.core.nouns import Domain
from mapsto.core.ragged import Ragged

DOMAINS = sorted(names.listed("domain"))


@pytest.fixture(params=DOMAINS)
def kind(request) -> type[Domain]:
    return names.find("domain", request.param)


def fitted(kind: type[Domain]) -> Domain:
    domain = kind.sample()
    assert domain.fit(kind.examples(50, seed=1)) is domain
    return domain


def parts(field: Field) -> dict[str, torch.Tensor]:
    """The tensors in it; of a ragged column its values, and its lengths."""
    if isinstance(field, dict):
        return {f"{name} {inner}": t for name, column in field.items() for inner, t in parts(column).items()}
    return {"values": field.values, "lengths": field.lengths} if isinstance(field, Ragged) else {"": field}


def same_encoding(left: Field, right: Field) -> bool:
    left, right = parts(left), parts(right)
    return left.keys() == right.keys() and all(
        left[k].dtype == right[k].dtype and torch.equal(left[k].nan_to_num(1e9), right[k].nan_to_num(1e9)) for k in left
    )


def missing(value: Any) -> bool:
    return (
        value is None
        or (isinstance(value, float) and value != value)
        or (isinstance(value, np.datetime64) and np.isnat(value))
    )


def same_value(raw: Any, back: Any) -> bool:
    """Equal, to what float32 keeps of standardised numbers."""
    if isinstance(raw, np.generic) and not isinstance(raw, np.datetime64):
        raw = raw.item()
    if missing(raw) or missing(back):
        return missing(raw) and missing(back)
    if isinstance(raw, dict):
        return raw.keys() == back.keys() and all(same_value(raw[k], back[k]) for k in raw)
    if isinstance(raw, np.datetime64):
        raw = raw.astype("datetime64[us]").item()
    if isinstance(raw, datetime):
        return abs(raw - back) < timedelta(minutes=2)
    if isinstance(raw, float):
        return raw == pytest.approx(back, rel=1e-5, abs=1e-5)
    if isinstance(raw, np.ndarray):
        return raw.shape == np.shape(back) and np.allclose(raw, back, rtol=1e-5, atol=1e-5)
    return bool(raw == back)


def test_the_comparison_of_this_battery_can_fail():
    assert not same_value({"a": 1.0}, {"a": 1.01})
    assert not same_value(np.float64("nan"), 0.0)
    assert not same_value(np.array([1.0, 2.0]), np.array([1.0, 2.1]))
    assert not same_value(np.datetime64("2020-01-01"), datetime(2020, 1, 2))
    assert same_value(np.datetime64("2020-01-01"), datetime(2020, 1, 1))


def test_decoding_undoes_encoding_missing_values_too(kind):
    domain, values = fitted(kind), kind.examples(50, seed=1)
    back = domain.decode(domain.encode(values))
    assert isinstance(back, list) and len(back) == 50
    assert all(map(same_value, values, back))


def test_examples_show_missing_values_or_the_class_says_why_not(kind):
    values = [v for row in kind.examples(50, seed=1) for v in (row.values() if isinstance(row, dict) else [row])]
    assert any(missing(v) for v in values if not isinstance(v, np.ndarray)) != bool(kind.present)


def test_examples_are_a_function_of_the_seed(kind):
    left, right, other = (kind.sample().fit(kind.examples(50, 1)).encode(kind.examples(50, seed)) for seed in (1, 1, 2))
    assert same_encoding(left, right)
    assert not same_encoding(left, other)


def test_only_training_values_are_learned_from(kind):
    domain = fitted(kind)
    before = json.dumps(domain.state_dict(), sort_keys=True)
    domain.decode(domain.encode(kind.examples(20, seed=2)))
    assert json.dumps(domain.state_dict(), sort_keys=True) == before


def test_fitting_again_forgets_what_was_learned_before(kind):
    again = kind.sample().fit(kind.examples(30, seed=3)).fit(kind.examples(50, seed=1))
    assert json.dumps(again.state_dict()) == json.dumps(fitted(kind).state_dict())


def test_its_spec_and_state_are_json_and_make_it_again(kind):
    domain, values = fitted(kind), kind.examples(20, seed=2)
    written = json.loads(json.dumps({"spec": names.spec(domain), "state": domain.state_dict()}, allow_nan=False))
    again = names.build("domain", written["spec"])
    assert again.load_state_dict(written["state"]) is again
    assert same_encoding(again.encode(values), domain.encode(values))
    assert same_encoding(again.ready(again.encode(values)), domain.ready(domain.encode(values)))
    assert again.shape == domain.shape
    assert again.describe() == domain.describe()
    assert all(map(same_value, domain.decode(domain.encode(values)), again.decode(again.encode(values))))


def test_encoding_is_deterministic_and_leaves_the_raw_values_alone(kind):
    domain, values = fitted(kind), kind.examples(50, seed=1)
    first = domain.encode(values)
    for tensor in parts(domain.encode(values)).values():
        tensor.zero_()
    assert same_encoding(domain.encode(values), first)


def test_a_value_is_encoded_alike_alone_and_in_company(kind):
    domain, values = fitted(kind), kind.examples(10, seed=1)
    together = {"all": domain.encode(values)}
    for i in range(len(values)):
        assert same_encoding(domain.encode(values[i : i + 1]), over(together, lambda c, i=i: c[i : i + 1])["all"])


def test_a_list_is_as_good_as_an_array(kind):
    domain, values = fitted(kind), kind.examples(10, seed=1)
    assert same_encoding(domain.encode(list(values)), domain.encode(values))


def test_a_column_of_one_row_can_be_learned_from(kind):
    values = kind.examples(1, seed=1)
    domain = kind.sample().fit(values)
    assert same_value(values[0], domain.decode(domain.encode(values))[0])


def test_shape_is_what_ready_gives(kind):
    domain = fitted(kind)
    ready = domain.ready(domain.encode(kind.examples(5, seed=1)))
    if isinstance(ready, Ragged):
        (kinds,) = next(iter(domain.shape.values()))
        assert int(ready.values.max()) < domain.outputs == kinds
    elif "tokens" in domain.shape:
        assert set(ready) == set(domain.shape)
        for name, (kinds,) in domain.shape.items():
            assert ready[name].values.dtype == torch.int64 and int(ready[name].values.max()) < kinds
    elif "edges" in domain.shape:  # nodes and edges of whole graphs, ragged
        assert set(ready) == set(domain.shape)
        assert ready["category"].values.shape[1] == len(domain.shape["category"])
        assert ready["edges"].values.shape[1:] == tuple(domain.shape["edges"])
    elif isinstance(domain.shape, dict):
        assert set(ready) == set(domain.shape)
        assert ready["number"].shape == (5, *domain.shape["number"]) and ready["number"].dtype == torch.float32
        assert ready["category"].shape == (5, len(domain.shape["category"]))
        assert (ready["category"] < torch.tensor(domain.shape["category"])).all()
    elif ready.dtype == torch.int64:  # places among classes
        assert ready.shape == (5,) and int(ready.max()) < domain.shape[0]
    else:
        assert ready.shape == (5, *domain.shape) and ready.dtype == torch.float32


def test_it_says_what_it_is_on_one_printable_line(kind):
    domain = fitted(kind)
    for words in [domain.describe(), *map(domain.show, kind.examples(8, seed=1)), domain.show(None)]:
        assert words and words.replace("\u200d", "").isprintable()  # a joiner is a letter of many scripts
