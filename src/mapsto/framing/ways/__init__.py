"""The kinds of task that there are, the particular before the general."""

from __future__ import annotations

from mapsto.framing.ways.blanks import Blanks
from mapsto.framing.ways.generation import Coding, Denoising, Playing, Reconstructing
from mapsto.framing.ways.graphs import NodesOfGraph, PairsOfNodes, WholeGraphs
from mapsto.framing.ways.languages import Languages
from mapsto.framing.ways.pictures import Pictures
from mapsto.framing.ways.tables import Tables
from mapsto.framing.ways.tags import TagsOfWords
from mapsto.framing.ways.texts import Texts
from mapsto.framing.ways.translations import Translations
from mapsto.framing.ways.way import Way

WAYS: tuple[Way, ...] = (
    Languages(),
    Translations(),
    PairsOfNodes(),
    NodesOfGraph(),
    WholeGraphs(),
    TagsOfWords(),
    Blanks(),
    Denoising(),
    Coding(),
    Playing(),
    Reconstructing(),
    Pictures(),
    Texts(),
    Tables(),
)
