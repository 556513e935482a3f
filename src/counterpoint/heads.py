r"""Projection heads: the small network between the representation h and the vector z that is compared.

    z = W2 relu(BN(W1 h))                       two layers, SimCLR, Chen et al. 2020, arXiv:2002.05709, eq. 2
    z = W3 relu(BN(W2 relu(BN(W1 h))))          three layers, SimCLRv2, Chen et al. 2020, arXiv:2006.10029, section 2

Contrast makes z invariant to what the views change; h, one step before, still contains it.  Where pairs are given and h
itself is used for retrieval, there is no head: z = h.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.errors import PlanError


def mlp_head(inputs: int, *, hidden: int = 512, outputs: int = 128, layers: int = 2) -> nn.Sequential:
    """A projection head (n, inputs) -> (n, outputs) with ``layers`` linear layers, usually 1 to 3; 0 is the identity.

    >>> import torch
    >>> mlp_head(8, hidden=16, outputs=4, layers=3)(torch.randn(5, 8)).shape
    torch.Size([5, 4])
    """
    if layers == 0:
        return nn.Sequential()
    stack: list[nn.Module] = []
    width = inputs
    for _ in range(layers - 1):
        stack += [nn.Linear(width, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True)]
        width = hidden
    return nn.Sequential(*stack, nn.Linear(width, outputs, bias=False))


def outputs_of(head: nn.Module) -> int:
    """The output width of a head, by its last linear layer; ``PlanError`` where it has none.

    >>> outputs_of(mlp_head(8, hidden=16, outputs=4))
    4
    """
    return _matrices(head)[-1].shape[0]


def inputs_of(head: nn.Module) -> int:
    """The input width of a head, by its first linear layer; ``PlanError`` where it has none.

    >>> inputs_of(mlp_head(8, hidden=16, outputs=4))
    8
    """
    return _matrices(head)[0].shape[1]


def _matrices(head: nn.Module) -> list[Tensor]:
    matrices: list[Tensor] = [weight for weight in head.parameters() if weight.ndim == 2]
    if not matrices:
        raise PlanError("This method cannot do without a head. Use --head-layers=1 or more.")
    return matrices


def first_layers(head: nn.Sequential, count: int) -> nn.Sequential:
    """The first ``count`` linear layers of a head with what follows each: where SimCLRv2 fine-tunes from, section 3.

    >>> import torch
    >>> first_layers(mlp_head(8, hidden=16, layers=3), 1)(torch.randn(5, 8)).shape
    torch.Size([5, 16])
    """
    return nn.Sequential(*list(head)[: 3 * count])


def shape_of_head(head: nn.Sequential) -> dict[str, int]:
    """The arguments of ``mlp_head`` that make this head.

    >>> shape_of_head(mlp_head(8, hidden=16, outputs=4, layers=3))
    {'inputs': 8, 'hidden': 16, 'outputs': 4, 'layers': 3}
    """
    sizes = [tuple(layer.weight.shape) for layer in head if isinstance(layer, nn.Linear)]
    return {"inputs": sizes[0][1], "hidden": sizes[0][0], "outputs": sizes[-1][0], "layers": len(sizes)}


class Prototypes(nn.Module):
    """K learned directions that vectors are compared with, as with cluster centres.

    A last layer of unit weights without bias: Caron et al. 2020, arXiv:2006.09882, section 3.1; 2021,
    arXiv:2104.14294, appendix C.

    >>> import torch
    >>> scores = Prototypes(8, 32)(torch.randn(5, 8))
    >>> scores.shape, bool(scores.abs().max() <= 1)
    (torch.Size([5, 32]), True)
    """

    def __init__(self, inputs: int, count: int) -> None:
        super().__init__()
        if count < 2:
            raise PlanError(f"There must be at least two prototypes. Got {count}.")
        self.directions = nn.Parameter(functional.normalize(torch.randn(count, inputs), dim=1))

    def forward(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
        """The cosine of every vector with every prototype."""
        return functional.linear(functional.normalize(z, dim=1), functional.normalize(self.directions, dim=1))
