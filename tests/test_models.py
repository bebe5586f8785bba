"""The MLG networks: loss, masks, generation, and what they can learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from deepstruc_lib.corpora import corpus
from deepstruc_lib.geometry import to_unit_sphere
from deepstruc_lib.models import ConditionalAutoencoder, CVAEConfig, ParticleDataset, generate, structures
from deepstruc_lib.models.mlg.layers import GatedConv1d
from deepstruc_lib.models.mlg.network import reconstruction
from deepstruc_lib.scattering import PRESETS, simulate

SMALL = CVAEConfig(n_atoms=43, encoder=(16,), prior=(32,), upsampling=(8, 4), decoder=(64,), beta=1e-3)


@pytest.fixture(scope="module")
def four():
    """Two particles of 19 atoms and two of 43, small and large."""
    whole = corpus("mlg")
    return whole.subset(np.array([np.flatnonzero(whole.n_atoms == n)[place] for n in (19, 43) for place in (0, -1)]))


@pytest.fixture(scope="module")
def batch(four):
    return ParticleDataset(four, SMALL.n_satellites, SMALL.n_atoms).batch(torch.arange(4))


def network(**changes) -> ConditionalAutoencoder:
    torch.manual_seed(1)
    return ConditionalAutoencoder(replace(SMALL, **changes))


def learn(model, batch, steps, rate=3e-3):
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        optimizer.zero_grad()
        model(batch, generator)["loss"].backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def test_a_dataset_holds_what_the_particles_are(four, batch):
    for index in range(4):
        atoms = four.positions[index, : four.n_atoms[index]].astype(float)
        sphere = to_unit_sphere(atoms)
        n_atoms = len(atoms)
        expected = np.linalg.norm(sphere.positions[:, None] - sphere.positions, axis=-1)
        assert batch.present[index].sum() == n_atoms
        np.testing.assert_allclose(batch.rows[index, :n_atoms, :n_atoms], expected, atol=1e-6)
        assert not batch.rows[index, n_atoms:].any()
        assert batch.log_radius[index].exp() == pytest.approx(sphere.radius, rel=1e-5)


@pytest.mark.parametrize("kind", ["cvae", "dae"])
def test_a_network_overfits_four_particles(kind, four, batch):
    model = learn(network(kind=kind, hybrid=0.5), batch, 1000)
    made = generate(model, batch.pdf)
    assert made.n_atoms.tolist() == four.n_atoms.tolist()
    for index in range(4):
        sphere = to_unit_sphere(four.positions[index, : four.n_atoms[index]])
        assert np.abs(made[index].numpy() - sphere.radius * sphere.positions).mean() < 0.1
    assert (made.pdfs(PRESETS["mlg"]) - batch.pdf).square().mean() < 0.1


def test_regularisation_is_zero_where_posterior_and_prior_agree(batch):
    for kind in ("cvae", "dae"):
        model = network(kind=kind)
        for layer in (model.pool, model.encode_pdf[-1].conv):
            torch.nn.init.zeros_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
        assert model(batch)["regularisation"].abs() < 1e-7
        assert network(kind=kind, beta=1.0)(batch)["regularisation"] > 1e-3


def test_a_decoder_that_cannot_use_the_latent_vector_leaves_posterior_equal_to_prior(batch):
    model = network(beta=1.0)
    for parameter in model.decode_rows.parameters():
        torch.nn.init.zeros_(parameter)
        parameter.requires_grad_(False)
    learn(model, batch, 300)
    posterior, prior = model.posterior(batch), model.prior(batch.pdf)
    torch.testing.assert_close(posterior.mean, prior.mean, atol=0.05, rtol=0)
    torch.testing.assert_close(posterior.stddev, prior.stddev, atol=0.05, rtol=0)


def test_the_divergence_is_that_of_gaussians_with_their_logarithmic_widths(batch):
    model = network(beta=1.0).requires_grad_(False)
    posterior, prior = model.posterior(batch), model.prior(batch.pdf)
    sample = posterior.sample((200_000,))
    estimate = (posterior.log_prob(sample) - prior.log_prob(sample)).sum(-1).mean()
    torch.testing.assert_close(model(batch)["regularisation"], estimate, rtol=0.02, atol=1e-3)
    raw = model.encode_pdf((batch.pdf / batch.pdf.amax(-1, keepdim=True))[..., None])[..., 0]
    assert isinstance(prior, Normal)
    torch.testing.assert_close(prior.stddev.log(), raw[:, 2:])


def test_the_deterministic_autoencoder_has_no_noise(batch):
    model = network(kind="dae")
    once, again = (model(batch, torch.Generator().manual_seed(seed))["loss"] for seed in (1, 2))
    assert once == again
    noisy = network()
    assert (
        noisy(batch, torch.Generator().manual_seed(1))["loss"] != noisy(batch, torch.Generator().manual_seed(2))["loss"]
    )


def test_a_deterministic_autoencoder_gives_its_mean_with_and_without_a_generator(batch):
    model = network(kind="dae").eval()
    sampled, mean = generate(model, batch.pdf, torch.Generator().manual_seed(0)), generate(model, batch.pdf)
    torch.testing.assert_close(sampled.z, mean.z, atol=0, rtol=0)


def test_what_stands_in_dummies_changes_no_loss(batch):
    decoded = network().decode(torch.zeros(4, 2))
    spoiled = decoded.rows.clone()
    absent = batch.present == 0
    spoiled[absent] = 7.0
    spoiled[..., : SMALL.n_atoms][absent[:, None].expand(-1, SMALL.n_atoms, -1)] = -7.0
    before, after = (reconstruction(decoded._replace(rows=rows), batch) for rows in (decoded.rows, spoiled))
    assert before == after


def test_the_loss_is_summed_over_features_and_counts_a_wrong_radius_as_wrong_distances(batch):
    perfect = network().decode(torch.zeros(4, 2))._replace(rows=batch.rows, log_radius=batch.log_radius)
    off = 1e-3
    longer = perfect._replace(rows=batch.rows * (1 + off))
    larger = perfect._replace(log_radius=batch.log_radius + off)
    exact, by_rows, by_radius = (reconstruction(one, batch) for one in (perfect, longer, larger))
    expected = off**2 * batch.rows.square().sum() / 4
    assert exact["distances"] == exact["radius"] == 0
    torch.testing.assert_close(by_rows["distances"], expected, rtol=1e-3, atol=0)
    torch.testing.assert_close(by_radius["radius"], expected, rtol=1e-3, atol=0)


def test_a_gate_lets_through_between_nothing_and_everything():
    layer = GatedConv1d((3, 5))
    x = torch.randn(2, 3, 7)
    assert (layer(x).abs() <= layer.conv(x).abs()).all()
    torch.nn.init.constant_(layer.gate.bias, -100.0)
    assert layer(x).abs().max() < 1e-6


def test_the_scale_of_a_pdf_does_not_matter_to_the_prior(batch):
    model = network()
    torch.testing.assert_close(model.prior(batch.pdf).mean, model.prior(3.7 * batch.pdf).mean)


def test_the_pdf_difference_is_that_of_the_simulator_and_reaches_the_decoder(four, batch):
    model = network(pdf_weight=2.0)
    decoded = model.decode(torch.zeros(4, 2))
    truth = decoded._replace(rows=batch.rows, presence=40 * batch.present - 20, log_radius=batch.log_radius)
    assert model.pdf_difference(truth, batch.pdf) < 1e-6
    larger = truth._replace(log_radius=batch.log_radius + 0.01)
    radii = batch.log_radius.double().exp().numpy()
    atoms = [
        np.exp(0.01) * radii[index] * to_unit_sphere(four.positions[index, :n_atoms]).positions
        for index, n_atoms in enumerate(four.n_atoms)
    ]
    curves = [simulate(torch.from_numpy(one), PRESETS["mlg"], transform="diffpy") for one in atoms]
    difference = (torch.stack(curves) - batch.pdf).square().mean(1)
    expected = (difference / (1 + difference)).mean().float()
    torch.testing.assert_close(model.pdf_difference(larger, batch.pdf), expected, rtol=1e-3, atol=0)
    model(batch)["pdf"].backward()
    reached = model.decode_rows[-1].weight.grad
    assert reached is not None
    assert reached.isfinite().all()
    assert reached.abs().max() > 0


@pytest.fixture(scope="module")
def trained(batch):
    return learn(network(hybrid=0.5), batch, 1000)


def test_structures_are_the_same_alone_and_in_a_batch(trained, batch):
    z = trained.prior(batch.pdf).mean.detach()
    together = structures(trained, z)
    for index in range(4):
        alone = structures(trained, z[index : index + 1])
        assert alone.present[0].equal(together.present[index])
        torch.testing.assert_close(alone[0], together[index], atol=1e-5, rtol=0)


def test_the_hybrid_loss_is_a_mean_of_both_ways_to_the_latent_vector(batch):
    dae, only_posterior = network(kind="dae", hybrid=0.25), network(kind="dae")
    by_prior = reconstruction(dae.decode(dae.prior(batch.pdf).mean), batch)
    mixed, pure = dae(batch), only_posterior(batch)
    for name in by_prior:
        torch.testing.assert_close(mixed[name], 0.25 * by_prior[name] + 0.75 * pure[name])


def test_pdfs_of_generated_structures_are_those_of_their_atoms(trained, batch):
    made = generate(trained, batch.pdf, torch.Generator().manual_seed(0))
    for index in range(4):
        g = simulate(made[index], PRESETS["mlg"])
        torch.testing.assert_close(g, made.pdfs(PRESETS["mlg"])[index], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "vae"}, "cvae or dae"),
        ({"beta": -1.0}, "beta"),
        ({"hybrid": 1.0}, "hybrid"),
        ({"n_satellites": 3}, "4 or more"),
    ],
)
def test_wrong_configurations_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        network(**wrong)
