"""Domains, one file a kind of value. To add one: write the file, add its line."""

from mapsto.core.names import shelf

__getattr__, __dir__, __all__, __shelf__ = shelf(
    __name__,
    Number="number",
    Category="category",
    Categories="categories",
    Date="date",
    Vector="vector",
    Image="image",
    Row="row",
    Text="text",
    Words="words",
    Tags="tags",
    Filled="filled",
)
