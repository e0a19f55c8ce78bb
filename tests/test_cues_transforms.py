import pytest

torch = pytest.importorskip("torch")

from engram.models.stores.cues.bottleneck import Bottleneck  # noqa: E402
from engram.models.stores.cues.transforms import Synthesis, analysis, cue_sides, initialise  # noqa: E402


@pytest.mark.parametrize(
    ("height", "width", "stride"), [(28, 28, 4), (28, 28, 8), (30, 17, 8), (64, 64, 16), (5, 33, 16)]
)
@pytest.mark.parametrize("colours", [1, 3])
def test_images_of_any_size_become_cues_and_come_back_in_their_size(height, width, stride, colours):
    images = torch.zeros(2, colours, height, width)
    cues = analysis(colours, 4, 3, stride)(images)
    assert cues.shape == (2, 3, -(-height // stride), -(-width // stride))
    assert cues.shape[2:] == (cue_sides(height, stride)[-1], cue_sides(width, stride)[-1])
    assert Synthesis(colours, 4, 3, stride, height, width)(cues).shape == images.shape


def test_strides_are_powers_of_two():
    with pytest.raises(ValueError, match="power of 2, such as 8 or 16; found 12"):
        analysis(1, 4, 3, 12)


def test_the_first_weights_keep_the_spread_of_what_passes_through():
    draw = torch.Generator().manual_seed(0)
    first = analysis(3, 64, 64, 4)[0]
    initialise(first, draw)
    passed = first(torch.randn(8, 3, 32, 32, generator=draw))
    assert passed[:, :, 2:-2, 2:-2].std().item() == pytest.approx(1, rel=0.1)


def test_the_cumulative_rises_and_its_median_lies_in_the_middle():
    density = Bottleneck(5, torch.Generator().manual_seed(3)).double()
    with torch.no_grad():
        for parameters in density.factors:
            parameters.normal_(generator=torch.Generator().manual_seed(4))
        values = torch.linspace(-30, 30, 500, dtype=torch.float64).expand(5, -1)
        assert (density.logits(values).diff(dim=1) > 0).all()
        middle = torch.sigmoid(density.logits(density.medians().double()[:, None]))
    torch.testing.assert_close(middle, torch.full_like(middle, 0.5), atol=1e-6, rtol=0)


def test_the_entropy_model_learns_the_entropy_of_its_cues():
    # Of a Laplace distribution of scale b under uniform noise, in bits, by the sum over the density.
    grid = torch.linspace(-40, 40, 80_001, dtype=torch.float64)
    scale = 1.5
    cumulative = torch.distributions.Laplace(torch.tensor(0.0, dtype=torch.float64), scale).cdf
    noisy = cumulative(grid + 0.5) - cumulative(grid - 0.5)
    entropy = -(noisy * noisy.log2()).sum().item() * (grid[1] - grid[0]).item()

    draw = torch.Generator().manual_seed(0)
    uniform = torch.rand(4000, generator=draw) - 0.5
    cues = (-scale * uniform.sign() * (1 - 2 * uniform.abs()).log()).reshape(1, 1, 1, -1)
    density = Bottleneck(1, draw)
    optimiser = torch.optim.Adam(density.parameters(), lr=0.02)
    for _ in range(400):
        bits = density.bits(cues + torch.rand(cues.shape, generator=draw) - 0.5) / cues.numel()
        optimiser.zero_grad()
        bits.backward()
        optimiser.step()
    assert bits.item() == pytest.approx(entropy, rel=0.03)
