"""An observer that writes TensorBoard events; needs the extra `tensorboard`."""

from __future__ import annotations

from pathlib import Path

from mapsto.core.errors import BadInput
from mapsto.learner.fit import Report


class TensorBoard:
    """Losses under train/…, scores of the validation exam under valid/…, by step."""

    def __init__(self, folder: Path):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise BadInput("TensorBoard is not installed.", 'Install it: pip install "mapsto[tensorboard]"') from error
        self.writer = SummaryWriter(str(folder))

    def __call__(self, report: Report) -> None:
        for term, loss in report.losses.items():
            self.writer.add_scalar(f"train/{term}", loss, report.step)
        for name, score in (report.scores or {}).items():
            self.writer.add_scalar(f"valid/{name}", score.value, report.step)
        self.writer.flush()
