"""A GPT-2 of Hugging Face's: the same logits for the same text, and clear words for what is none."""

import json

import pytest
import tokenizers
import torch
import torch.nn.functional as F
from their_gpt2 import DEPTH, END, HEADS, SPARE, WIDTH, cutter, weights, write

from mapsto.core.errors import BadInput, Damaged, FrameError
from mapsto.domains import tokenizer
from mapsto.export.hugging_face import is_hugging_face, load
from mapsto.layers.decoding import likeliest, written

TEXTS = ["the film is wonderful", "A dull 영화!\n\n", "  naïve 🎬", "x"]


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "theirs")


def numbers(found):
    """The number there of each of our tokens; None of those that are ours alone."""
    cut, domain = cutter(), found.input
    named = [domain.tokens._pipeline.id_to_token(n) for n in range(len(domain.tokens))]
    return [cut.token_to_id(END if n == tokenizer.END else token) for n, token in enumerate(named)]


def ours(found, ids):
    """Our numbers for theirs."""
    order = numbers(found)
    return torch.tensor([[order.index(n) for n in ids]])


def logits(model, tokens):
    with torch.no_grad():
        return model.eval()({"tokens": tokens, "count": torch.tensor([tokens.shape[1]])})


def same(found, told, ids, tolerance=1e-5):
    """Whether our logits are those that were `told` there for these tokens, [T, V]."""
    order = numbers(found)
    known = [n for n, there in enumerate(order) if there is not None]
    mine = logits(found.model, ours(found, ids))[0][:, known]
    torch.testing.assert_close(mine, told[:, [order[n] for n in known]], rtol=tolerance, atol=tolerance)


def written_out(w, ids):
    """Logits by their names and plain products: normed before each part, GELU by its tanh formula, one table for both ends."""

    def norm(x, name):
        return F.layer_norm(x, (WIDTH,), w[f"transformer.{name}.weight"], w[f"transformer.{name}.bias"], 1e-5)

    def conv(x, name):
        return x @ w[f"transformer.{name}.weight"] + w[f"transformer.{name}.bias"]

    x = w["transformer.wte.weight"][ids] + w["transformer.wpe.weight"][: len(ids)]
    ahead = torch.ones(len(ids), len(ids)).triu(1).bool()
    for k in range(DEPTH):
        asked = conv(norm(x, f"h.{k}.ln_1"), f"h.{k}.attn.c_attn").chunk(3, dim=1)
        q, k_, v = (part.view(len(ids), HEADS, -1).transpose(0, 1) for part in asked)
        score = (q @ k_.transpose(1, 2) / (WIDTH // HEADS) ** 0.5).masked_fill(ahead, float("-inf"))
        x = x + conv((score.softmax(-1) @ v).transpose(0, 1).flatten(1), f"h.{k}.attn.c_proj")
        wide = conv(norm(x, f"h.{k}.ln_2"), f"h.{k}.mlp.c_fc")
        wide = 0.5 * wide * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (wide + 0.044715 * wide**3)))
        x = x + conv(wide, f"h.{k}.mlp.c_proj")
    return norm(x, "ln_f") @ w["transformer.wte.weight"].T


# -- the same as theirs ------------------------------------------------------------------------------------------------


def test_a_text_is_cut_as_theirs_is_and_comes_back(folder):
    found, cut = load(folder), cutter()
    for text in [*TEXTS, "[MASK][SEP] " + END]:
        (row,) = found.input.tokens.encode([text])
        if END not in text:  # which is a text like any other here
            assert [numbers(found)[n] for n in row] == cut.encode(text).ids
        assert min(row) >= len(tokenizer.SPECIAL)
        assert found.input.tokens.decode(row) == text
        assert b"".join(found.input.tokens.spelled[n] for n in row).decode() == text


def test_its_logits_are_what_the_formulas_give_of_its_weights(folder):
    found, w = load(folder), weights(cutter().get_vocab_size())
    for text in TEXTS:
        ids = cutter().encode(text).ids
        same(found, written_out(w, ids), ids, tolerance=1e-4)


def test_logits_and_states_are_those_of_transformers_to_1e_5(folder):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    found, theirs = load(folder), transformers.GPT2LMHeadModel.from_pretrained(folder).eval()
    states = []
    found.model.norm.register_forward_hook(lambda module, given, gave: states.append(gave))
    for text in TEXTS:
        ids = cutter().encode(text).ids
        with torch.no_grad():
            told = theirs(torch.tensor([ids]), output_hidden_states=True)
        same(found, told.logits[0], ids)
        torch.testing.assert_close(states.pop(), told.hidden_states[-1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["GPT2LMHeadModel", "GPT2Model"])
def test_a_folder_that_transformers_wrote_goes_on_as_it_does_there(tmp_path, kind):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    cut, prompt = cutter(), "the film"
    cut.save(str(tmp_path / "tokenizer.json"))
    torch.manual_seed(0)
    settings = transformers.GPT2Config(
        vocab_size=cut.get_vocab_size(), n_embd=WIDTH, n_layer=3, n_head=HEADS, n_positions=64,
        bos_token_id=None, eos_token_id=None, initializer_range=0.3,
    )  # fmt: skip
    theirs = transformers.GPT2LMHeadModel(settings).eval()
    (theirs if kind == "GPT2LMHeadModel" else theirs.transformer).save_pretrained(tmp_path)
    found, ids = load(tmp_path), cut.encode(prompt).ids
    with torch.no_grad():
        told = theirs.generate(torch.tensor([ids]), max_new_tokens=40, do_sample=False)[0, len(ids) :]
    mine = torch.cat(list(written(found.model.eval().reading(), ours(found, ids), 40, likeliest)))
    assert [numbers(found)[n] for n in mine.tolist()] == told.tolist()


# -- what a file may be ------------------------------------------------------------------------------------------------


def bare(tensors):
    return {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}


def old(tensors):
    """As first published: with the masks, and the table once more as the head."""
    masks = {f"transformer.h.{k}.attn.bias": torch.ones(1, 1, 8, 8, dtype=torch.uint8) for k in range(DEPTH)}
    masks |= {f"transformer.h.{k}.attn.masked_bias": torch.tensor(-1e4) for k in range(DEPTH)}
    return {**tensors, **masks, "lm_head.weight": tensors["transformer.wte.weight"].clone()}


@pytest.mark.parametrize("form", [bare, old])
def test_other_ways_to_write_it_down_are_known(folder, tmp_path, form):
    expected, found = load(folder).model.state_dict(), load(write(tmp_path / "other", form)).model.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in found.items())


def test_half_precision_is_read_as_single(folder, tmp_path):
    halved = load(write(tmp_path / "half", lambda tensors: {n: t.half() for n, t in tensors.items()})).model
    whole = load(folder).model.state_dict()
    for name, tensor in halved.state_dict().items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, whole[name], rtol=1e-3, atol=1e-3)


def test_a_head_of_its_own_is_its_own(tmp_path):
    head = torch.randn(cutter().get_vocab_size() + SPARE, WIDTH)
    found = load(write(tmp_path / "own", lambda t: {**t, "lm_head.weight": head}, tie_word_embeddings=False))
    assert not found.model.tied
    end = numbers(found)[tokenizer.END]
    assert torch.equal(found.model.head.weight[tokenizer.END], head[end])
    assert not torch.equal(found.model.tokens.table.weight[tokenizer.END], head[end])


def test_context_vocabulary_and_dropout_are_those_of_the_config(folder):
    found = load(folder)
    assert (found.model.context, found.model.dropout, found.model.width) == (32, 0.1, WIDTH)
    assert found.model.outputs == found.input.outputs == cutter().get_vocab_size() + len(tokenizer.SPECIAL) - 1


def test_its_end_is_ours_and_what_it_has_not_is_hardly_said(folder):
    found, w = load(folder), weights(cutter().get_vocab_size())
    table, theirs = found.model.tokens.table.weight, w["transformer.wte.weight"][:-SPARE]
    assert torch.equal(table[tokenizer.END], theirs[-1])
    own = [n for n in range(len(tokenizer.SPECIAL)) if n != tokenizer.END]
    torch.testing.assert_close(table[own], theirs.mean(0).expand(len(own), -1))
    share = logits(found.model, ours(found, cutter().encode(TEXTS[0]).ids)).softmax(-1)
    assert float(share[..., own].max()) < 1 / len(theirs)


def test_without_an_end_there_is_none(tmp_path):
    found = load(write(tmp_path / "endless", eos_token_id=None))
    assert numbers(found)[len(tokenizer.SPECIAL) :].count(cutter().token_to_id(END)) == 1


# -- what is none ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"activation_function": "relu"}, "config.json says activation_function=relu"),
        ({"activation_function": "gelu"}, "config.json says activation_function=gelu"),
        ({"layer_norm_epsilon": 1e-6}, "layer_norm_epsilon=1e-06"),
        ({"scale_attn_weights": False}, "scale_attn_weights=False"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx=True"),
        ({"add_cross_attention": True}, "add_cross_attention=True"),
        ({"n_inner": 50, "layer_norm_epsilon": 1.0}, "layer_norm_epsilon=1.0, n_inner=50"),
        ({"n_head": 5}, "width 24 cannot be parted into 5 heads"),
    ],
    ids=str,
)
def test_what_our_gpt_cannot_say_is_refused(tmp_path, change, said):
    with pytest.raises(BadInput, match=said):
        load(write(tmp_path / "other", **change))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n_embd": "wide"}, "do not describe a gpt2 .*n_embd needs a whole number"),
        ({"n_layer": 3}, r"lacks h\.2\.ln_1\.weight; h\.2\.ln_1\.bias; h\.2\.attn\.c_attn\.weight …"),
        ({"n_layer": 10**9}, r"lacks h\.2\.ln_1\.weight"),
        ({"n_embd": 10**9}, r"wte\.weight is float32 \[\d+, 24\], where numbers of \[\d+, 1000000000\] belong"),
        ({"n_positions": 7}, r"wpe\.weight is float32 \[32, 24\], where numbers of \[7, 24\] belong\.$"),
        ({"vocab_size": 5}, "tokens beyond the 5 of config.json"),
        ({"tie_word_embeddings": False}, r"lacks lm_head\.weight, which"),
    ],
    ids=str,
)
def test_a_description_that_is_not_that_of_the_weights_is_refused(tmp_path, change, said):
    with pytest.raises((Damaged, FrameError), match=rf"(?m){said}.*\nDownload the folder again"):
        load(write(tmp_path / "other", **change))


def without(name):
    return lambda tensors: {n: t for n, t in tensors.items() if n != name}


def with_other(name, tensor):
    return lambda tensors: {**tensors, name: tensor}


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        (without("transformer.wpe.weight"), Damaged, r"lacks wpe\.weight, which a GPT-2"),
        (
            with_other("transformer.h.1.mlp.c_fc.weight", torch.zeros(4 * WIDTH, WIDTH)),
            Damaged,
            r"h\.1\.mlp\.c_fc\.weight is float32 \[96, 24\], where numbers of \[24, 96\] belong",
        ),
        (
            with_other("transformer.wpe.weight", torch.zeros(32, WIDTH, dtype=torch.int8)),
            Damaged,
            r"wpe\.weight is int8 \[32, 24\]",
        ),
        (with_other("wpe.weight", torch.zeros(32, WIDTH)), Damaged, "twice, with and without 'transformer.'"),
        (
            with_other("transformer.h.0.adapter.weight", torch.zeros(2)),
            BadInput,
            r"has h\.0\.adapter\.weight, of which a GPT here knows nothing",
        ),
        (with_other("score.weight", torch.zeros(2, WIDTH)), BadInput, r"has score\.weight"),
        (with_other("lm_head.weight", torch.zeros(2, WIDTH)), BadInput, r"has lm_head\.weight"),
    ],
    ids=["missing", "turned", "whole numbers", "twice", "extra", "another head", "a head that should be the table"],
)
def test_tensors_that_are_not_those_of_a_gpt2_are_named(tmp_path, change, kind, said):
    with pytest.raises(kind, match=said):
        load(write(tmp_path / "other", change))


def test_a_tokenizer_that_is_no_gpt2s_is_refused(folder):
    there = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps({**there, "decoder": None}))
    with pytest.raises(BadInput, match="does not cut texts into bytes"):
        load(folder)
    tokenizers.Tokenizer(tokenizers.models.Unigram()).save(str(folder / "tokenizer.json"))
    with pytest.raises(BadInput, match="is of the kind 'Unigram'"):
        load(folder)


def test_no_tokenizer_is_said_with_how_to_make_it(folder):
    (folder / "tokenizer.json").unlink()
    with pytest.raises(BadInput, match=r"no tokenizer\.json in .*\n.*AutoTokenizer\.from_pretrained"):
        load(folder)


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ("pytorch_model.bin", "a pickle, which can run code"),
        ("pytorch_model.bin.index.json", "a pickle, which can run code"),
        ("model.safetensors.index.json", "Its weights lie in several files"),
    ],
)
def test_weights_that_are_kept_otherwise_are_said_with_what_to_do(folder, there, said):
    (folder / "model.safetensors").rename(folder / there)
    (folder / "tokenizer.json").rename(folder / "vocab.json")
    assert is_hugging_face(folder)
    with pytest.raises(BadInput, match=rf"no model\.safetensors in .*\n.*{said}.*save_pretrained"):
        load(folder)


def test_weights_that_were_cut_short_are_refused(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(Damaged, match=r"model\.safetensors"):
        load(folder)
