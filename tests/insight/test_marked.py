"""What differs between two texts is marked, and nothing else."""

import pytest

from mapsto.insight.marked import apart, starred


@pytest.mark.parametrize(
    ("wanted", "said", "missed", "wrong"),
    [
        ("a red dog sees a cat", "a blue dog sees a cat", "a *red* dog sees a cat", "a *blue* dog sees a cat"),
        ("A dog.", "a dog", "A dog*.*", "a dog"),
        ("a dog", "", "*a dog*", ""),
        ("", "a", "", "*a*"),
        ("我爱你", "我恨你", "我*爱*你", "我*恨*你"),
        ("one two three", "three one  two", "one two *three*", "*three* one  two"),
    ],
)
def test_words_that_the_other_has_not_in_the_same_order_are_marked(wanted, said, missed, wrong):
    one, other = apart(wanted, said)
    assert (starred(one), starred(other)) == (missed, wrong)
    assert "".join(text for text, _ in one) == wanted and "".join(text for text, _ in other) == said


def test_stars_stand_around_words_and_not_around_blanks():
    assert starred([("the", False), (" red dog", True), (" ", True)]) == "the *red dog* "
