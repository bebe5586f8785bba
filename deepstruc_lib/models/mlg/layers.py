"""The building blocks of the networks: perceptrons and gated convolutions in one dimension."""

from collections.abc import Sequence

from torch import Tensor, nn


class GatedConv1d(nn.Module):
    """A convolution whose output a second one opens or shuts: conv(x) · sigmoid(gate(x)).

    Args:
        channels: In and out.
        kernel: Width of both convolutions.
        transposed: Transposed convolutions, which make a sequence longer by kernel − 1.
    """

    def __init__(self, channels: tuple[int, int], kernel: int = 1, *, transposed: bool = False) -> None:
        super().__init__()
        layer = nn.ConvTranspose1d if transposed else nn.Conv1d
        self.conv = layer(*channels, kernel)
        self.gate = layer(*channels, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """From (batch, channels in, length) to (batch, channels out, length')."""
        return self.conv(x) * self.gate(x).sigmoid()


def gated_convolutions(widths: Sequence[int], last_kernel: int = 1, *, transposed: bool = False) -> nn.Sequential:
    """Gated convolutions of kernel 1, the last of another, with rectified linear units between them."""
    layers: list[nn.Module] = []
    for step in range(len(widths) - 1):
        last = step == len(widths) - 2
        channels = widths[step], widths[step + 1]
        layers.append(GatedConv1d(channels, last_kernel if last else 1, transposed=transposed))
        layers += [] if last else [nn.ReLU()]
    return nn.Sequential(*layers)


def perceptron(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with rectified linear units between them, none after the last."""
    layers: list[nn.Module] = []
    for step in range(len(widths) - 1):
        layers += [nn.Linear(widths[step], widths[step + 1]), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
