import pytest

torch = pytest.importorskip("torch")

from engram.models.stores.cues.gdn import DivisiveNormalisation  # noqa: E402


def test_every_channel_is_divided_by_the_energy_of_all_channels_of_its_place():
    normalise = DivisiveNormalisation(2).double()
    with torch.no_grad():
        normalise.beta.copy_(torch.tensor([0.5, 2.0]).sqrt())
        normalise.gamma.copy_(torch.tensor([[0.1, 0.3], [0.0, 0.2]]).sqrt())
    place = torch.tensor([3.0, -2.0], dtype=torch.float64).reshape(1, 2, 1, 1)
    # β + γ x²: 0.5 + 0.1 · 9 + 0.3 · 4 = 2.6, and 2 + 0 + 0.2 · 4 = 2.8
    expected = torch.tensor([3 / 2.6**0.5, -2 / 2.8**0.5], dtype=torch.float64)
    torch.testing.assert_close(normalise(place).flatten(), expected, rtol=1e-7, atol=1e-7)


def test_the_inverse_multiplies_by_what_the_other_divides_by():
    forward, inverse = DivisiveNormalisation(3), DivisiveNormalisation(3, inverse=True)
    images = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(forward(images) * inverse(images), images.square())


def test_a_parameter_beyond_its_bound_counts_as_the_bound_and_can_come_back():
    normalise = DivisiveNormalisation(1)
    with torch.no_grad():
        normalise.gamma.fill_(-5.0)
    image = torch.full((1, 1, 1, 1), 2.0)
    assert normalise(image).item() == pytest.approx(2.0, rel=1e-5)  # γ 0, β 1

    normalise(image).sum().backward()  # descent makes γ larger, to lower the output: it comes back
    assert normalise.gamma.grad.item() < 0
    normalise.gamma.grad = None
    (-normalise(image)).sum().backward()  # descent would push γ further out
    assert normalise.gamma.grad.item() == 0
