"""An encoder for tables that ends its process, once, when it meets a row that begins with 666."""

import os
from pathlib import Path

import torch
from torch import nn


class Fatal(nn.Module):
    def __init__(self, columns):
        super().__init__()
        self.last = nn.Linear(columns, 8)

    def forward(self, rows):
        fuse = Path(os.environ.get("COUNTERPOINT_FUSE", "/nowhere"))
        if fuse.exists() and rows[0, 0] > 100:
            fuse.unlink()
            os._exit(9)
        return torch.tanh(self.last(rows))


def fatal(columns, width=None):
    return Fatal(columns)
