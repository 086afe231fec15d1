"""Sources of data, one file each. To add one: write the file, add its line."""

from mapsto.core.names import shelf

__getattr__, __dir__, __all__, __shelf__ = shelf(
    __name__,
    Table="table",
    Pairs="pairs",
    Folder="folder",
    Coco="coco",
    Conll="conll",
    Arrays="arrays",
    Frames="frames",
    TorchDataset="torch_dataset",
    Zoo="zoo",
    ShardFolder="shard_folder",
)
