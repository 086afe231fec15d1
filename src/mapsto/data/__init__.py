"""Sources of data, one file each. To add one: write the file, add its line."""

from mapsto.core.names import shelf

__getattr__, __dir__, __all__, __shelf__ = shelf(
    __name__,
    Table="table",
    Pairs="pairs",
    Corpus="corpus",
    Folder="folder",
    Coco="coco",
    Conll="conll",
    Arrays="arrays",
    GraphArrays="graph_arrays",
    GraphTables="graph_tables",
    GraphCollection="graph_collection",
    NetworkxGraph="networkx_graph",
    Frames="frames",
    TorchDataset="torch_dataset",
    Zoo="zoo",
    ShardFolder="shard_folder",
    Environment="environment",
)
