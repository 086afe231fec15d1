"""Where a model looked, token by token."""

import numpy as np
import pytest
import torch

from mapsto.core.errors import BadInput, FrameError
from mapsto.data.dataset import Examples
from mapsto.domains import Text, Words
from mapsto.domains.tokenizer import END
from mapsto.framing.looks import looks, shown
from mapsto.insight.attention_maps import AttentionMap, attention_map, attention_maps
from mapsto.models import BERT, GPT, Recurrent, Seq2Seq, TextCNN, Transformer

TEXTS = ["ein hund sieht", "hund", "eine katze sieht ein pferd und einen hund"]
SAID = ["a dog sees", "dog", "a cat sees a horse and a dog"]


@pytest.fixture(scope="module")
def ends():
    return Text("words", at_least=1).fit(TEXTS), Text("words", at_least=1, ends=True).fit(SAID)


def made(kind, *args, **more):
    torch.manual_seed(0)
    model = kind(*args, **more)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape))
    return model


def translator(ends, kind=Transformer, **more):
    return made(kind, ends[0].shape, ends[1].outputs, width=8, **more)


def ready(text, texts=TEXTS):
    return Examples({"input": text.encode(texts)})


def answer(text, said):
    """The tokens [U] of an answer, as a translator gives it."""
    return text.encode([said])["tokens"].values[1:]


def test_a_translators_map_has_what_it_said_beside_what_it_read(ends):
    text, target = ends
    model = translator(ends, heads=2, depth=2)
    input = ready(text).gather(torch.tensor([0]))["input"]
    found = attention_map(model, input, text, answer(target, "a dog sees"), target)
    assert found.layer == "decoder.1.cross" and found.head == 0
    assert found.rows == ["a", "dog", "sees", "[SEP]"] and found.columns == ["ein", "hund", "sieht"]
    torch.testing.assert_close(found.weights.sum(1), torch.ones(4))
    said = target.encode(["a dog sees"])["tokens"].values
    maps = attention_maps(model, lambda: model(input, said[None, :-1]))  # each token is said after those before it
    torch.testing.assert_close(found.weights, maps["decoder.1.cross"][0].mean(0))
    second = attention_map(model, input, text, answer(target, "a dog sees"), target, layer="1", head=2)
    assert second.layer == "decoder.0.cross"
    torch.testing.assert_close(second.weights, maps["decoder.0.cross"][0, 1])


def test_other_layers_look_within_what_was_read_or_within_what_was_said(ends):
    text, target = ends
    model = translator(ends, heads=2, depth=1)
    input = ready(text).gather(torch.tensor([0]))["input"]
    one, other = (
        attention_map(model, input, text, answer(target, "a dog"), target, layer=name)
        for name in ("encoder.0.attention", "decoder.0.attention")
    )
    assert one.rows == one.columns == ["ein", "hund", "sieht"]
    assert other.rows == other.columns == ["[CLS]", "a", "dog"]  # which it has said so far
    assert (other.weights.triu(1) == 0).all() and (one.weights.triu(1) > 0).any()


def test_additive_attention_has_a_row_for_each_token_that_is_said(ends):
    text, target = ends
    model = translator(ends, Seq2Seq, embedding=6)
    batch = ready(text).gather(torch.arange(3))["input"]
    said = torch.randint(6, target.outputs, (3, 5))
    (maps,) = attention_maps(model, lambda: model(batch, said)).values()
    assert maps.shape == (3, 1, 5, 8)
    torch.testing.assert_close(maps.sum(3), torch.ones(3, 1, 5))
    assert (maps[1, 0, :, 1:] == 0).all()  # of padding it has seen nothing
    first = model.eval().encode(batch)
    context = model.look(first.hidden[0][-1], first.offered, first.states, first.here)
    torch.testing.assert_close((maps[:, 0, :1] @ first.states)[:, 0], context)
    one = attention_map(model, ready(text).gather(torch.tensor([2]))["input"], text, answer(target, SAID[2]), target)
    assert len(one.rows) == 9 and one.rows[-1] == "[SEP]" and one.columns == TEXTS[2].split()


def test_readers_look_at_their_own_text_and_writers_back(ends):
    text, _ = ends
    for model in (made(BERT, text.shape, 2, 8, 2, 2), made(GPT, text.shape, text.outputs, 8, 2, 2)):
        found = attention_map(model, ready(text).gather(torch.tensor([2]))["input"], text)
        assert found.layer == "blocks.1.attention" and found.rows == found.columns == TEXTS[2].split()
        assert (found.weights.triu(1) > 0).any() == isinstance(model, BERT)
        assert model.training


def test_of_words_that_are_set_apart_the_map_has_the_words():
    words = Words(at_least=1).fit([["They", "can", "fish"]])
    model = made(BERT, words.shape, 2, 8, 1, 2)
    (found,) = looks(model, words, words, ready(words, [["They", "can"]]), [0])
    assert found.rows == found.columns == ["They", "can"]
    (empty,) = looks(model, words, words, ready(words, [[]]), [0])
    assert empty.rows == ["␣"] and empty.weights.shape == (1, 1)


def test_a_map_hangs_on_no_other_text(ends):
    text, target = ends
    model = translator(ends, heads=2, depth=1)
    answers = torch.full((3, 9), -1)
    for row, said in zip(answers, SAID, strict=True):
        row[: len(answer(target, said))] = answer(target, said)
    together = list(looks(model, text, target, ready(text), range(3), answers=answers))
    for k, one in enumerate(together):
        (alone,) = looks(model, text, target, ready(text, TEXTS[k : k + 1]), [0], answers=answers[k : k + 1])
        assert alone.rows == one.rows == [*SAID[k].split(), "[SEP]"]
        assert torch.equal(alone.weights, one.weights)


def test_what_is_shown_can_be_taken_in_at_a_glance(ends):
    assert shown(ready(ends[0]), 2) == [2]
    assert shown(ready(ends[0], TEXTS[:2]), 2) == [0]


def test_blanks_and_controls_are_seen():
    text = Text("characters", at_least=1).fit(["a \n\x1b"])
    (found,) = looks(made(BERT, text.shape, 2, 8, 1, 2), text, text, ready(text, ["a \n\x1b"]), [0])
    assert found.rows == ["a", "␣", "⏎", "␣"]


def test_tokens_that_training_has_not_are_read_as_they_stand(ends):
    text, asked = ends[0], ["ein Löwe sieht", ""]
    model = made(BERT, text.shape, 2, 8, 1, 2)
    strange, _ = looks(model, text, text, ready(text, asked), [0, 1])
    found, empty = looks(model, text, text, ready(text, asked), [0, 1], asked)
    assert strange.rows == ["ein", "\N{REPLACEMENT CHARACTER}", "sieht"] and found.rows == ["ein", "Löwe", "sieht"]
    assert torch.equal(strange.weights, found.weights) and empty.rows == ["␣"]


def test_where_there_is_no_attention_there_is_one_clear_message(ends):
    text, target = ends
    input = ready(text).gather(torch.tensor([0]))["input"]
    for model in (TextCNN(text.shape, 2, 8, 6), Recurrent(text.shape, 2, width=4)):
        with pytest.raises(FrameError, match=f"{type(model).__name__} has no attention"):
            attention_map(model, input, text)
    plain = translator(ends, Seq2Seq, embedding=6, attention="none")
    with pytest.raises(FrameError, match="seq2seq with attention=additive"):
        attention_map(plain, input, text, torch.tensor([END]), target)


def test_a_layer_or_head_that_is_none_is_refused_with_those_there_are(ends):
    text, _ = ends
    model, input = made(BERT, text.shape, 2, 8, 2, 2), ready(text).gather(torch.tensor([0]))["input"]
    for layer in ("3", "0", "blocks.7", "²"):
        with pytest.raises(BadInput, match=r"There are 1 to 2; by name: blocks\.0\.attention, blocks\.1\.attention"):
            attention_map(model, input, text, layer=layer)
    with pytest.raises(BadInput, match="has the heads 1 to 2, but came 3"):
        attention_map(model, input, text, head=3)


def test_in_a_notebook_it_is_a_picture_and_in_a_file_plain_values(ends):
    text, _ = ends
    (found,) = looks(made(BERT, text.shape, 2, 8, 1, 2), text, text, ready(text, TEXTS[:1]), [0], head=1)
    said = found._repr_html_()
    assert said.startswith('<img src="data:image/svg+xml;base64,') and "blocks.0.attention, head 1" in said
    told = found.to_json()
    np.testing.assert_allclose(np.sum(told["weights"], axis=1), 1, atol=1e-3)
    assert told["rows"] == ["ein", "hund", "sieht"] and told["head"] == 1


def test_the_first_of_a_writers_tokens_which_has_itself_alone_does_not_pale_the_others():
    weights = torch.tensor([[1.0, 0.0, 0.0], [0.36, 0.04, 0.0], [0.09, 0.09, 0.09]])
    found = AttentionMap(["a"] * 3, ["a"] * 3, weights, "blocks.0.attention", 0)
    assert found.most == pytest.approx(0.36)
    torch.testing.assert_close(found.shades, torch.tensor([[1.0, 0, 0], [1.0, 1 / 3, 0], [0.5, 0.5, 0.5]]))
    assert AttentionMap(["a"], ["a"], torch.ones(1, 1), "", 0).most == 1.0
