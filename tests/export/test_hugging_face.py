"""Folders of Hugging Face's: the same states for the same text, and clear words for what is none."""

import os
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import tokenizers
import torch
from theirs import DEPTH, HEADS, WIDTH, cutter, weights, write

from mapsto.core.errors import BadInput, Damaged
from mapsto.data.dataset import Examples
from mapsto.domains import Filled
from mapsto.export.hugging_face import is_hugging_face, load

TEXTS = [
    "the film is wonderful and moving",
    "A dull story!",
    "unfilmable",
    "정말 좋은 영화",
    "",
    "the the the [MASK] film",
]


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "theirs")


def column(texts):
    made = np.empty(len(texts), object)
    made[:] = texts
    return made


def ready(domain, texts):
    """Texts as a model gets them."""
    return Examples({"input": domain.encode(column(texts))}).gather(torch.arange(len(texts)))["input"]


def test_a_text_is_cut_as_theirs_is(folder):
    domain, theirs = load(folder).input, cutter()
    for text in TEXTS[:-1]:
        (row,) = domain.encode(column([text]))["tokens"].values.split([len(theirs.encode(text).ids)])
        written = [domain.tokens._pipeline.id_to_token(n) for n in row.tolist()]
        assert written == theirs.encode(text).tokens


def test_a_blank_is_their_mask(folder):
    domain = load(folder).input
    row = domain.encode(column([TEXTS[-1]]))["tokens"].values.tolist()
    assert [domain.tokens._pipeline.id_to_token(n) for n in row] == cutter().encode(TEXTS[-1]).tokens


def test_its_states_are_what_the_formulas_give_of_their_weights(folder):
    """Their names, their numbers of tokens, plain products and sums; ../models/test_bert.py has ours."""
    found, w, theirs = load(folder), weights(cutter().get_vocab_size(), words=False), cutter()
    ids = theirs.encode(TEXTS[0]).ids

    def norm(x, name):
        return torch.nn.functional.layer_norm(x, (WIDTH,), w[f"{name}.weight"], w[f"{name}.bias"], 1e-12)

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for k in range(DEPTH):
        at = f"encoder.layer.{k}"
        q, k_, v = (
            linear(x, f"{at}.attention.self.{n}").view(len(ids), HEADS, -1).transpose(0, 1)
            for n in ("query", "key", "value")
        )
        share = (q @ k_.transpose(1, 2) / (WIDTH // HEADS) ** 0.5).softmax(-1)
        x = norm(
            x + linear((share @ v).transpose(0, 1).flatten(1), f"{at}.attention.output.dense"),
            f"{at}.attention.output.LayerNorm",
        )
        wide = torch.nn.functional.gelu(linear(x, f"{at}.intermediate.dense"))
        x = norm(x + linear(wide, f"{at}.output.dense"), f"{at}.output.LayerNorm")
    with torch.no_grad():
        mine = found.model.eval().features(ready(found.input, [TEXTS[0]]))
    torch.testing.assert_close(mine[0], x, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("words", [True, False])
def test_states_and_words_are_those_of_transformers_to_1e_5(tmp_path, words):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    folder = write(tmp_path / "theirs", words)
    found, cut = load(folder), cutter()
    kind = transformers.BertForMaskedLM if words else transformers.BertModel
    theirs = kind.from_pretrained(folder, **({} if words else {"add_pooling_layer": False})).eval()
    for text in TEXTS:
        ids = torch.tensor([cut.encode(text).ids])
        with torch.no_grad():
            asked = ready(found.input, [text])
            told = theirs(ids, output_hidden_states=True)
            torch.testing.assert_close(found.model.eval().features(asked), told.hidden_states[-1], rtol=1e-5, atol=1e-5)
            if words:
                order = [
                    cut.token_to_id(found.input.tokens._pipeline.id_to_token(n)) for n in range(len(found.input.tokens))
                ]
                known = [n for n, there in enumerate(order) if there is not None]
                expected = told.logits[:, :, [order[n] for n in known]]
                torch.testing.assert_close(found.model(asked)[:, :, known], expected, rtol=1e-5, atol=1e-4)


def test_a_real_body_gives_what_transformers_gives():
    """MAPSTO_MINILM names a folder of all-MiniLM-L6-v2: config.json, model.safetensors, tokenizer.json."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    if not os.environ.get("MAPSTO_MINILM"):
        pytest.skip("MAPSTO_MINILM names no folder")
    folder = Path(os.environ["MAPSTO_MINILM"])
    found, cut = load(folder), tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    cut.no_padding(), cut.no_truncation()
    theirs = transformers.BertModel.from_pretrained(folder).eval()
    for text in TEXTS:
        with torch.no_grad():
            told = theirs(torch.tensor([cut.encode(text).ids])).last_hidden_state
            torch.testing.assert_close(
                found.model.eval().features(ready(found.input, [text])), told, rtol=1e-5, atol=1e-5
            )


def test_one_that_says_words_goes_on_saying_them_and_another_gets_a_new_head(tmp_path):
    words, body = load(write(tmp_path / "words")), load(write(tmp_path / "body", words=False))
    assert isinstance(words.target, Filled) and words.model.tied and words.model.outputs == words.target.outputs
    assert body.target is None and not body.model.tied


def test_files_may_be_links_as_in_a_cache(folder, tmp_path):
    linked = tmp_path / "snapshot"
    linked.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (linked / name).symlink_to(folder / name)
    assert is_hugging_face(linked)
    assert load(linked).model.width == WIDTH


def test_old_names_of_norms_are_known(folder):
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in safetensors.torch.load_file(folder / "model.safetensors").items()
    }
    now = load(folder).model.state_dict()
    safetensors.torch.save_file(old, folder / "model.safetensors")
    assert all(torch.equal(tensor, now[name]) for name, tensor in load(folder).model.state_dict().items())


def test_a_folder_of_ours_is_none_of_theirs(tmp_path, folder):
    assert is_hugging_face(folder)
    (folder / "manifest.json").write_text("{}")
    assert not is_hugging_face(folder)
    assert not is_hugging_face(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "llama"}, r"of the family 'llama', but of Hugging Face folders those of bert"),
        ({"hidden_act": "relu"}, r"config\.json says hidden_act=relu"),
        ({"intermediate_size": 50}, r"config\.json says intermediate_size=50"),
    ],
)
def test_another_family_is_refused(tmp_path, change, said):
    with pytest.raises(BadInput, match=said):
        load(write(tmp_path / "other", **change))


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_size": "wide"},
        {"num_hidden_layers": 10**9},
        {"num_hidden_layers": 3},
        {"max_position_embeddings": 7},
        {"vocab_size": 5},
    ],
    ids=str,
)
def test_a_description_that_is_not_that_of_the_weights_is_refused(tmp_path, change):
    with pytest.raises((Damaged, BadInput)):
        load(write(tmp_path / "other", **change))


@pytest.mark.parametrize("lost", ["tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(folder, lost):
    (folder / lost).unlink()
    with pytest.raises(BadInput, match=f"no {lost}"):
        load(folder)


def test_weights_that_were_cut_short_are_refused(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(Damaged, match=r"model\.safetensors"):
        load(folder)
