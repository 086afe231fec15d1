"""Examples in files: the same as in memory, in any order, each once an epoch; and nothing that is not what was written."""

import json
import os
import threading

import numpy as np
import pytest
import torch

from mapsto.core import disk, seeds
from mapsto.core.batch import over, size
from mapsto.core.errors import BadInput, Damaged, DiskError
from mapsto.core.ragged import Ragged
from mapsto.core.state import MANIFEST, seal
from mapsto.data import shards as home
from mapsto.data.dataset import Examples
from mapsto.data.shards import PARTS, Shards, Writer, flat, is_shards

ROWS = {"train": 2503, "valid": 130, "test": 1}


def examples(rows: int, seed: int = 0) -> dict:
    draw = torch.Generator().manual_seed(seed)
    number, category = torch.randn(rows, 5, generator=draw), torch.randint(9, (rows, 2), generator=draw)
    return {"input": {"number": number, "category": category}, "target": torch.randint(3, (rows,), generator=draw)}


@pytest.fixture
def small(monkeypatch):
    """Blocks of 16 rows, shards of 160."""
    monkeypatch.setattr(home, "BLOCK_ROWS", 16)
    monkeypatch.setattr(home, "SHARD_BYTES", 160 * 44)


@pytest.fixture
def whole():
    return {part: examples(rows, k) for k, (part, rows) in enumerate(ROWS.items())}


@pytest.fixture
def folder(small, whole, tmp_path):
    return written(tmp_path / "out", whole)


def written(path, whole, step=100):
    with disk.growing_folder(path) as fresh:
        writer = Writer(fresh, over(whole["train"], lambda t: t[:1]))
        for part, batch in whole.items():
            for begin in range(0, size(batch), step):
                piece = over(batch, lambda t, a=begin: t[a : a + step])
                writer.add(part, piece, 1000 + np.arange(begin, begin + size(piece)))
        writer.close({"about.json": b"{}"}, {"mapsto": "0", "word": "line"})
    return path


def equal(one, other) -> bool:
    one, other = flat(one), flat(other)
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def chunks(view) -> int:
    return -(-view.blocks // view.at_once)


def grant(blocks: int) -> int:
    """Bytes for two chunks of so many blocks of 16 rows."""
    return 2 * blocks * 16 * (44 + 16)


def test_what_was_written_is_what_is_read(folder, whole):
    shards = Shards(folder)
    assert shards.rows == ROWS and shards.block == 16 and shards.shard == 160
    for part, batch in whole.items():
        view = shards.view(part)
        assert len(view) == ROWS[part] and equal(view.gather(torch.arange(len(view))), batch)
        index = torch.randint(len(view), (50,))
        assert equal(view.gather(index), over(batch, lambda t, i=index: t[i]))
    assert shards.numbers("train", [0, 1234]) == [1000, 2234]
    assert shards.damaged() == []


def test_it_does_not_matter_in_which_pieces_it_was_written(small, whole, tmp_path):
    one, other = written(tmp_path / "one", whole, 7), written(tmp_path / "other", whole, 3000)
    assert Shards(one).digest == Shards(other).digest


@pytest.mark.parametrize("blocks", [1, 3, 50, 1000])
@pytest.mark.parametrize("batch", [1, 64, 1000, 5000])
def test_an_epoch_has_every_row_once_whatever_chunks_and_batches(folder, whole, blocks, batch):
    view = Shards(folder).view("train", grant(blocks))
    for epoch in range(2):
        pieces = view.order((3, epoch), then=(3, epoch + 1)).split(batch)
        assert len(pieces) == -(-ROWS["train"] // batch)
        seen = []
        for piece in pieces:
            assert equal(view.gather(piece), over(whole["train"], lambda t, i=piece: t[i]))
            seen.append(piece)
        assert torch.equal(torch.cat(seen).sort().values, torch.arange(ROWS["train"]))


def test_the_order_is_a_function_of_its_words_and_of_the_chunks(folder):
    def order(words, blocks=3, size=64):
        return torch.cat(list(Shards(folder).view("train", grant(blocks)).order(words).split(size)))

    assert torch.equal(order((1, 2, 3)), order((1, 2, 3), size=7))
    for other in ((1, 2, 4), (1, 3, 3), (2, 2, 3)):
        assert not torch.equal(order((1, 2, 3)), order(other))
    assert not torch.equal(order((1, 2, 3)), order((1, 2, 3), blocks=4))
    assert len((order((1, 2, 3))[:48] // 16).unique()) == 3  # one chunk, of blocks from everywhere
    assert (order((1, 2, 3))[:48] // 16).unique().diff().max() > 5
    moved = (order((1, 2, 3)) != torch.arange(ROWS["train"])).double().mean()
    assert moved > 0.95


def test_any_piece_comes_at_once_and_is_what_it_is_in_its_turn(folder, whole):
    """A resumed run begins in the midst of a chunk."""
    inorder = list(Shards(folder).view("train", grant(3)).order((0, 5)).split(10))
    draw = np.random.default_rng(0)
    view = Shards(folder).view("train", grant(3))
    for part in draw.permutation(len(inorder))[:40]:
        piece = view.order((0, 5)).split(10)[int(part)]
        assert torch.equal(piece, inorder[part])
        assert equal(view.gather(piece), over(whole["train"], lambda t, i=piece: t[i]))


def test_rows_that_are_asked_for_out_of_order_leave_the_order_as_it_is(folder, whole):
    view = Shards(folder).view("train", grant(3))
    for piece in view.order((0, 0)).split(33):
        other = torch.randint(ROWS["train"], (5,))
        assert equal(view.gather(other), over(whole["train"], lambda t, i=other: t[i]))
        assert equal(view.gather(piece.clone()), view.gather(piece))


def test_chunks_take_what_was_granted_and_one_thread_reads_them(folder):
    view = Shards(folder).view("train", grant(5))
    before = threading.active_count()
    for epoch in range(2):
        for piece in view.order((0, epoch), then=(0, epoch + 1)).split(16):
            view.gather(piece)
    assert threading.active_count() == before + 1
    held = sum(t.nbytes for slab in view._slabs for t in slab.tensors.values())
    assert held == 2 * 5 * 16 * 44 and chunks(view) == 32


def test_the_next_chunk_is_read_ahead_also_over_the_end_of_an_epoch(folder, monkeypatch):
    view = Shards(folder).view("train", grant(40))
    waited = []
    begin = type(view)._begin
    monkeypatch.setattr(
        type(view), "_begin", lambda self, chunk, needed: waited.append(chunk in needed) or begin(self, chunk, needed)
    )
    for epoch in range(3):
        for piece in view.order((0, epoch), then=(0, epoch + 1)).split(64):
            view.gather(piece)
    assert waited[0] and not any(waited[1:]) and len(waited) == 3 * chunks(view) + 1


def test_the_file_system_is_asked_block_by_block(folder, monkeypatch):
    """A read a block and field, not one a row."""
    view, reads = Shards(folder).view("train", grant(20)), []
    fill = home.Reader._fill
    monkeypatch.setattr(home.Reader, "_fill", lambda self, *asked: reads.append(1) or fill(self, *asked))
    for piece in view.order((0, 0)).split(64):
        view.gather(piece)
    assert len(reads) == 3 * view.blocks


def test_wide_rows_lie_in_small_blocks_and_narrow_ones_in_large(tmp_path):
    def block(*shape):
        return Writer(tmp_path, {"input": torch.zeros(1, *shape)}).block

    assert block(3, 256, 256) == 1 and block(1000) == 256 and block(2) == 1024


# -- what is not what was written --------------------------------------------------------------------------------------


def refused(path, said, kind=Damaged, code=None):
    with pytest.raises(kind, match=said) as caught:
        Shards(path)
    assert code is None or caught.value.code == code


def reseal(path, change):
    """A manifest that somebody has written anew."""
    manifest = json.loads((path / MANIFEST).read_text())
    manifest.pop("sha256")
    change(manifest)
    (path / MANIFEST).write_bytes(seal(json.dumps(manifest, indent=1).encode()))


def test_a_shard_that_is_cut_short_is_told_when_the_folder_is_opened(folder):
    os.truncate(folder / "train-00002.target.bin", 100)
    refused(folder, "train-00002.target.bin: 100 bytes, where 1,280", code="M003")


def test_a_shard_that_is_missing_is_told_when_the_folder_is_opened(folder):
    (folder / "train-00002.target.bin").unlink()
    refused(folder, "train-00002.target.bin: cannot be read", code="M001")


def test_a_byte_that_is_another_is_found_by_looking_at_all(folder):
    name = "train-00001.input.number.bin"
    data = bytearray((folder / name).read_bytes())
    data[77] ^= 1
    (folder / name).write_bytes(data)
    assert Shards(folder).damaged() == [name]


def test_a_small_file_is_compared_before_it_is_read(folder):
    (folder / "about.json").write_bytes(b"[]")
    with pytest.raises(Damaged, match=r"about\.json"):
        Shards(folder).checked("about.json")


def test_a_manifest_that_was_changed_is_refused(folder):
    (folder / MANIFEST).write_bytes((folder / MANIFEST).read_bytes().replace(b'"block": 16', b'"block": 32'))
    refused(folder, "own sha256 differs", code="M002")


def test_a_folder_of_another_version_is_refused(folder):
    reseal(folder, lambda m: m.update(format=2))
    assert is_shards(folder)
    refused(folder, "format 2, and this version reads 1", BadInput, "M008")


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["rows"].update(train=10**12),
        lambda m: m.update(block=0),
        lambda m: m.update(shard=24),
        lambda m: m["fields"]["target"].update(dtype="object"),
        lambda m: m["fields"]["target"].update(shape=[2]),
        lambda m: m["fields"].clear(),
        lambda m: m.pop("rows"),
        lambda m: m["rows"].pop("test"),
    ],
)
def test_a_manifest_that_describes_no_shards_is_refused(folder, change):
    reseal(folder, change)
    refused(folder, "manifest.json", code="M002")


def test_a_file_that_shrinks_while_it_is_learned_from_is_told(folder):
    view = Shards(folder).view("train", grant(1))
    for name in folder.glob("train-*.target.bin"):
        os.truncate(name, 0)
    with pytest.raises(Damaged, match="ends at byte"):
        for piece in view.order((0, 0)).split(16):
            view.gather(piece)


def test_a_folder_appears_whole_or_not_at_all(small, whole, tmp_path, monkeypatch):
    append, count = disk.append, [0]

    def full(path, data):
        count[0] += 1
        if count[0] == 20:
            raise DiskError("cannot write: no space left", "", 28)
        append(path, data)

    monkeypatch.setattr(disk, "append", full)
    with pytest.raises(DiskError):
        written(tmp_path / "out", whole)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_no_folder_of_shards_and_is_cleared_away(small, whole, tmp_path):
    child = os.fork()
    if not child:
        with disk.growing_folder(tmp_path / "out") as fresh:
            Writer(fresh, whole["train"]).add("train", whole["train"], np.arange(ROWS["train"]))
            os._exit(0)
    os.waitpid(child, 0)
    assert [p.name for p in tmp_path.iterdir()] == [f".out.{child}.partial"] and not is_shards(tmp_path / "out")
    written(tmp_path / "out", whole)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_dealing_is_even_and_a_function_of_number_and_words():
    shares = seeds.spread(np.arange(100_000), 0, 4)
    assert np.array_equal(shares[::7], seeds.spread(np.arange(0, 100_000, 7), 0, 4))
    assert shares.min() >= 0 and shares.max() < 1
    assert abs((shares < 0.2).mean() - 0.2) < 0.005 and abs((shares[1:] < shares[:-1]).mean() - 0.5) < 0.005
    assert abs(np.corrcoef(shares, seeds.spread(np.arange(100_000), 1, 4))[0, 1]) < 0.02


def test_all_parts_have_a_place():
    assert set(PARTS) == set(ROWS)


# -- rows of unequal length --------------------------------------------------------------------------------------------


def sentences(rows: int, seed: int = 0) -> dict:
    """Tokens and their characters, as many tags, and a text of another length as the answer; some are empty."""
    draw = torch.Generator().manual_seed(seed)

    def offsets():
        return torch.cat([torch.zeros(1, dtype=torch.long), torch.randint(9, (rows,), generator=draw).cumsum(0)])

    words, said = offsets(), offsets()
    tokens, answer = (torch.randint(50, (int(ends[-1]),), generator=draw) for ends in (words, said))
    characters = torch.randint(9, (len(tokens), 3), generator=draw)
    return {
        "input": {"tokens": Ragged(tokens, words), "characters": Ragged(characters, words)},
        "target": Ragged(answer, said, pad=-1),
    }


@pytest.fixture
def spoken():
    return {part: sentences(rows, k) for k, (part, rows) in enumerate({"train": 203, "valid": 33, "test": 1}.items())}


@pytest.fixture
def talk(small, spoken, tmp_path, monkeypatch):
    """Shards of 32 rows."""
    monkeypatch.setattr(home, "ENTRIES", 1)
    monkeypatch.setattr(home, "SHARD_BYTES", 32 * 40)
    return written(tmp_path / "talk", spoken, step=7)


def test_ragged_rows_are_batched_as_they_are_from_memory(talk, spoken):
    shards = Shards(talk)
    assert shards.shard == 32 and shards.damaged() == []
    for part, whole in spoken.items():
        view, resident = shards.view(part), Examples(whole)
        assert torch.equal(view.lengths, resident.lengths)
        assert torch.equal(view.order((3, 1)), resident.order((3, 1)))
        for index in (torch.arange(len(view)), torch.randint(len(view), (40,)), torch.arange(len(view)).flip(0)):
            assert equal(view.gather(index), resident.gather(index))
            assert equal(view.gather(index, (20, 20, 30)), resident.gather(index, (20, 20, 30)))
        held = view.columns(torch.arange(len(view)))
        assert torch.equal(held["target"].values, whole["target"].values) and held["target"].pad == -1


def test_of_ragged_rows_the_lengths_alone_are_resident(talk, spoken):
    view = Shards(talk).view("train")
    for piece in view.order((0, 0)).split(10):
        view.gather(piece)
    assert not view._slabs and view._thread is None
    kept = [v.nbytes for v in vars(view).values() if isinstance(v, torch.Tensor)]
    assert kept == [view.lengths.nbytes]


def test_it_does_not_matter_in_which_pieces_ragged_rows_were_written(talk, spoken, tmp_path):
    assert Shards(written(tmp_path / "other", spoken, 1000)).digest == Shards(talk).digest


def test_lengths_that_are_not_those_of_the_entries_are_refused(talk):
    name = "train-00001.input.tokens.lengths.bin"
    lengths = np.fromfile(talk / name, "<i4")
    for change in (lambda: lengths.__setitem__(0, lengths[0] + 1), lambda: lengths.__setitem__(0, -1)):
        change()
        (talk / name).write_bytes(lengths.tobytes())
        with pytest.raises(Damaged, match=r"lengths of 'input\.tokens' in train") as caught:
            Shards(talk).view("train")
        assert caught.value.code == "M002"


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["files"].pop("train-00003.input.tokens.lengths.bin"),
        lambda m: m["fields"]["input.tokens"].update(count=3),
        lambda m: m["fields"]["input.tokens"].update(pad="x"),
        lambda m: m["fields"]["input.tokens"].pop("count"),
    ],
)
def test_a_manifest_that_describes_no_ragged_rows_is_refused(talk, change):
    reseal(talk, change)
    refused(talk, "manifest.json", code="M002")


def test_entries_that_nobody_wrote_are_refused(talk):
    reseal(talk, lambda m: m["files"].pop("train-00003.input.tokens.bin"))
    with pytest.raises(Damaged, match=r"lengths of 'input\.tokens'"):
        Shards(talk).view("train")
