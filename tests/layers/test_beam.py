"""Beam search finds what a look at all answers finds, where it may follow enough beginnings; with one it is greedy."""

import itertools

import pytest
import torch

from mapsto.layers.beam import NOTHING, beam, length_term

END, V = 3, 4


class History:
    """What has been said so far in each answer, and which question it answers: what the toy's next token hangs on."""

    def __init__(self, rows):
        self.rows, self.said = rows, torch.empty(len(rows), 0, dtype=torch.long)

    def select(self, rows):
        self.rows, self.said = self.rows[rows], self.said[rows]


def step(tokens, state):
    state.said = torch.cat([state.said, tokens[:, None]], dim=1)
    return logits(state.rows, state.said), state


def logits(rows, said):
    """[N, V]: anything at all that hangs on the question and on every token before."""
    code = rows * 0.7 + ((said + 1) * 1.3 ** torch.arange(said.shape[1])).sum(dim=1)
    return 2 * torch.sin(code[:, None] * torch.arange(1, V + 1) * 1.7)


def search(count=5, longest=4, **how):
    rows = torch.arange(count)
    limit = torch.full((count,), longest) if isinstance(longest, int) else torch.tensor(longest)
    return beam(step, History(rows), torch.zeros(count, dtype=torch.long), END, limit, **how)


def log_p(row, answer):
    """Of a whole answer, token by token."""
    said, total = [0], 0.0
    for token in answer:
        found = logits(torch.tensor([row]), torch.tensor([said])).log_softmax(dim=1)
        total += float(found[0, token])
        said.append(token)
    return total


def every_answer(longest):
    for length in range(1, longest + 1):
        for answer in itertools.product(range(V), repeat=length):
            if END not in answer[:-1] and (answer[-1] == END or length == longest):
                yield answer


def best_of_all(row, longest, penalty):
    return max(every_answer(longest), key=lambda y: log_p(row, y) / length_term(len(y), penalty))


def answers(found):
    return [tuple(token for token in row if token != NOTHING) for row in found.tokens.tolist()]


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0, 2.0])
def test_following_every_beginning_it_finds_the_best_of_all_answers(penalty):
    found = search(width=V**4, penalty=penalty)
    for row, answer in enumerate(answers(found)):
        assert answer == best_of_all(row, 4, penalty)
        expected = log_p(row, answer) / length_term(len(answer), penalty)
        assert float(found.scores[row]) == pytest.approx(expected, abs=1e-4)


def test_a_penalty_for_length_makes_a_difference_here():
    found = [answers(search(count=12, width=V**4, penalty=p)) for p in (0.0, 2.0)]
    assert found[0] != found[1]
    assert sum(map(len, found[0])) < sum(map(len, found[1]))


def test_one_beginning_is_the_likeliest_token_each_time():
    for row, answer in enumerate(answers(search(count=12, longest=6))):
        said = []
        while len(said) < 6 and END not in said:
            said.append(int(logits(torch.tensor([row]), torch.tensor([[0, *said]])).argmax()))
        assert answer == tuple(said)


def test_more_beginnings_do_no_worse_on_the_whole():
    scores = [float(search(count=40, longest=6, width=k).scores.sum()) for k in (1, 2, 4, 16)]
    assert scores == sorted(scores) and scores[0] < scores[-1]


@pytest.mark.parametrize("width", [1, 3])
def test_an_answer_hangs_on_no_other_question(width):
    longest = [1, 6, 3, 6, 2, 6, 6]
    together = answers(search(7, longest, width=width))
    for row in range(7):
        state = History(torch.tensor([row]))
        alone = beam(step, state, torch.zeros(1, dtype=torch.long), END, torch.tensor([longest[row]]), width)
        assert answers(alone) == [together[row]]
        assert len(together[row]) <= longest[row]
    assert len({len(answer) for answer in together}) > 2


def test_what_may_not_be_said_is_not():
    assert any(1 in answer for answer in answers(search(12, 6, width=2)))
    assert not any(1 in answer for answer in answers(search(12, 6, width=2, never=[1])))


def test_behind_an_answer_stands_nothing():
    for row in search(12, 6).tokens.tolist():
        ends = row.index(END) if END in row else len(row)
        assert all(token == NOTHING for token in row[ends + 1 :])
