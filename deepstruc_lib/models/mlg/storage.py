"""The weights of a network in a file: stored small, and read only where they are the network that the card tells of."""

from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor, nn

from deepstruc_lib.files.textfiles import write_bytes
from deepstruc_lib.models.mlg.dataset import ParticleDataset
from deepstruc_lib.models.mlg.network import ConditionalAutoencoder, CVAEConfig
from deepstruc_lib.models.records import WEIGHTS

# A matrix with more elements than this is stored in half precision; the rest is small anyway.
_LARGE = 100_000


def store_weights(folder: Path, weights: dict[str, Tensor]) -> None:
    """Write the weights, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / WEIGHTS, save({key: _stored(value) for key, value in weights.items()}))


def _stored(value: Tensor) -> Tensor:
    return (value.half() if value.numel() > _LARGE else value).contiguous()


def load_network(folder: Path, config: CVAEConfig) -> ConditionalAutoencoder:
    """The network of a card with the weights beside it, in evaluation mode.

    Sizes are compared before anything is allocated: a card may ask for more than the memory holds.

    Raises:
        ValueError: The file is damaged, or holds another network.
    """
    path = folder / WEIGHTS
    try:
        network = _without_memory(config, _sizes(path))
        weights = load(path.read_bytes())
        network.load_state_dict({key: value.float() for key, value in weights.items()}, assign=True)
    except (OSError, SafetensorError, TypeError, RuntimeError, ValueError, OverflowError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path}: damaged weights ({reason}): needs those of the card beside them") from error
    return network.eval()


def _sizes(path: Path) -> dict[str, list[int]]:
    """Shape of each tensor in the file, from its header."""
    if not path.is_file():
        raise ValueError("no such file")
    with safe_open(path, framework="pt") as file:
        return {key: list(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118


def _without_memory(config: CVAEConfig, found: dict[str, list[int]]) -> ConditionalAutoencoder:
    """The network on torch's meta device, where tensors have sizes and nothing else.

    Raises:
        ValueError: It is not of the sizes found.
    """
    # Satellites are computed and layers are objects even on that device, so their numbers come first.
    satellites = found.get("satellites", [0])[0]
    layers = max(map(len, (config.encoder, config.prior, config.upsampling, config.decoder)))
    if config.n_satellites != satellites or layers > len(found):
        raise ValueError(f"the card tells of {config.n_satellites} satellites, the file holds {satellites}")
    with torch.device("meta"):
        network = ConditionalAutoencoder(config)
    wanted = {key: list(value.shape) for key, value in network.state_dict().items()}
    wrong = sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
    if wrong:
        sizes = f"{found.get(wrong[0])}, the card tells of {wanted.get(wrong[0])}"
        raise ValueError(f"{len(wrong)} tensors differ; {wrong[0]} is {sizes}")
    return network


@torch.no_grad()
def thinned(
    config: CVAEConfig, weights: dict[str, Tensor], training: ParticleDataset, rank: int, seed: int
) -> tuple[CVAEConfig, dict[str, Tensor]]:
    """The same network with its decoder's last layer as a product of two thin matrices, of the rank given.

    The latent vectors of the training set reach only a small subspace of the last hidden layer; what the large matrix
    does outside of it is left from its random start. The subspace is that of the largest singular values.
    """
    network = ConditionalAutoencoder(config)
    network.load_state_dict(weights)
    prior = network.prior(training.pdf.cpu())
    sample = network.latent(prior, torch.Generator().manual_seed(seed))
    *layers, last = network.decode_rows
    assert isinstance(last, nn.Linear)
    hidden = nn.Sequential(*layers)(torch.cat([prior.mean, sample]))
    basis = torch.linalg.svd(hidden, full_matrices=False).Vh[:rank].contiguous()
    prefix = f"decode_rows.{len(layers)}"
    kept = {key: value for key, value in weights.items() if not key.startswith(prefix)}
    thin = {f"{prefix}.0.weight": basis, f"{prefix}.1.weight": last.weight @ basis.mT, f"{prefix}.1.bias": last.bias}
    return replace(config, rank=rank), kept | thin
