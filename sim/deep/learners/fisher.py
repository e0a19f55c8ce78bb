"""How much each weight mattered: the diagonal Fisher information, and the quadratic penalty that it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn

Weights = dict[str, Tensor]


def squared_gradients(parameters: Mapping[str, Tensor], surprise: Tensor) -> Weights:
    """Squared gradient of one image's surprise, parameter by parameter; zero where a parameter plays no part.

    Parameters
    ----------
    parameters : mapping of str to tensor
    surprise : tensor, scalar
        -log p(y | x) of one image.

    Returns
    -------
    dict of str to tensor
        Of the parameters' shapes.

    Examples
    --------
    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> squared_gradients({"w": w}, (w * torch.tensor([3.0, -1.0])).sum())["w"].tolist()
    [9.0, 1.0]
    """
    gradients = torch.autograd.grad(surprise, list(parameters.values()), allow_unused=True)
    return {
        name: torch.zeros_like(weight) if gradient is None else gradient.detach().square()
        for (name, weight), gradient in zip(parameters.items(), gradients, strict=True)
    }


def diagonal_fisher(
    parameters: Mapping[str, Tensor],
    logits: Callable[[Tensor], Tensor],
    images: Iterable[Tensor],
    generator: torch.Generator,
) -> Weights:
    """Diagonal of the Fisher information of a classifier, F_i = E_x E_y~p(y|x) [(∂ log p(y|x) / ∂θ_i)²].

    The label of every image is drawn once from what the network itself answers, so that this is the (true) Fisher
    information and not the "empirical" one, which takes the given labels; the gradient is squared image by image, never
    of a batch's mean.

    Parameters
    ----------
    parameters : mapping of str to tensor
        Weights whose importance is wanted.
    logits : callable
        Images, [1, channel, height, width] → logits, [1, class]; -inf for a class that has not been taught.
    images : iterable of tensor
        One image at a time, [1, channel, height, width].
    generator : torch.Generator
        Draws the labels; on the CPU.

    Returns
    -------
    dict of str to tensor
        Of the parameters' shapes.

    Raises
    ------
    ValueError
        There are no images.

    Notes
    -----
    Kirkpatrick et al. 2017, section 2 ("the diagonal given by the diagonal of the Fisher information matrix F").

    Examples
    --------
    A coin with logit 0: p = 1/2, and each answer moves the logit by 1/2.

    >>> logit = torch.zeros(1, requires_grad=True)
    >>> two = lambda image: torch.cat([logit, torch.zeros(1)])[None]
    >>> images = [torch.zeros(1, 1, 1, 1)] * 4
    >>> diagonal_fisher({"logit": logit}, two, images, torch.Generator().manual_seed(0))["logit"].item()
    0.25
    """
    total = {name: torch.zeros_like(weight, requires_grad=False) for name, weight in parameters.items()}
    seen = 0
    for image in images:
        chances = torch.log_softmax(logits(image).float(), dim=1)
        answer = torch.multinomial(chances.detach().exp().cpu(), 1, generator=generator).item()
        for name, square in squared_gradients(parameters, -chances[0, int(answer)]).items():
            total[name] += square
        seen += 1
    if seen == 0:
        raise ValueError("the Fisher information needs at least one image")
    return {name: weight / seen for name, weight in total.items()}


class QuadraticPenalty:
    """Springs that hold every weight where the tasks before left it, Σ_t ½ F_t (θ - θ_t)².

    A sum of parabolas is a parabola: only its curvature Σ F_t and its lowest point are kept, whatever the number of
    tasks, and the constant is left out, which has no gradient.

    Notes
    -----
    Kirkpatrick et al. 2017, equation 3, without λ; of several tasks the sum, as they say below it.

    Examples
    --------
    >>> penalty = QuadraticPenalty()
    >>> penalty.add({"w": torch.tensor([2.0])}, {"w": torch.tensor([1.0])})
    >>> penalty({"w": torch.tensor([4.0])}).item()
    9.0
    """

    def __init__(self) -> None:
        self.curvature: Weights = {}
        self.lowest: Weights = {}

    def add(self, fisher: Mapping[str, Tensor], parameters: Mapping[str, Tensor]) -> None:
        """Hold the parameters where they are, as firmly as their Fisher information says.

        Parameters
        ----------
        fisher, parameters : mapping of str to tensor
            Of the same names and shapes.
        """
        for name, information in fisher.items():
            here = parameters[name].detach()
            if name not in self.curvature:
                self.curvature[name], self.lowest[name] = information.clone(), here.clone()
                continue
            curvature, lowest = self.curvature[name] + information, self.lowest[name]
            share = torch.where(curvature > 0, information / curvature, 1.0)
            self.curvature[name], self.lowest[name] = curvature, lowest + share * (here - lowest)

    def __call__(self, parameters: Mapping[str, Tensor]) -> Tensor:
        """The penalty at these parameters, a scalar with a gradient; 0 before anything was added."""
        total = torch.zeros((), device=next(iter(parameters.values())).device)
        for name, curvature in self.curvature.items():
            total = total + 0.5 * (curvature * (parameters[name] - self.lowest[name]).square()).sum()
        return total


def named_parameters(network: nn.Module) -> Weights:
    """The parameters of a network that learn, by name."""
    return {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
