"""Former module of samples and rows, importable for one release."""

from envgym.trainers.collection.samples import Group, Sample, differs
from envgym.trainers.learner.rows import TrainRow, train_rows

__all__ = ["Group", "Sample", "TrainRow", "differs", "train_rows"]
