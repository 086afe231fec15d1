"""Domains, one file a kind of value. To add one: write the file, add its line."""

from mapsto.core.names import shelf

__getattr__, __dir__, __all__, __shelf__ = shelf(
    __name__,
    Number="number",
    Category="category",
    Categories="categories",
    Date="date",
    Vector="vector",
    Counts="counts",
    Image="image",
    Row="row",
    WholeGraph="whole_graph",
    Text="text",
    Words="words",
    Tags="tags",
    Filled="filled",
    Discrete="discrete",
    Box="box",
)
