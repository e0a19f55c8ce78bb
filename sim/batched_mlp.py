"""Many small classifiers trained side by side: one batched matrix product does the work of all subjects."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

NEGLIGIBLE = 1e-20
"""Probabilities and gates below this are taken as 0: they cannot move a float32 weight, but their products are
denormal numbers, on which processors are many times slower."""

LARGEST_TOGETHER = 1 << 19
"""Weights of one subject above which a CPU takes the subjects one by one: the weights of one stay in its cache from
step to step, and those of ten do not."""


class BatchedMLP:
    """S fully connected ReLU classifiers of one shape, each with its own weights, trained by plain SGD.

    Gradients are written out by hand, so that a step works in buffers made once and allocates nothing.

    Parameters
    ----------
    weights : sequence of torch.Tensor
        One for each layer, float32 [subject, pre, post]; changed in place.
    biases : sequence of torch.Tensor
        One for each layer, float32 [subject, 1, post]; changed in place.
    batch_size : int
        The largest batch that will be given.

    Attributes
    ----------
    groups : list of slice
        Subjects whose products are made together: all of them, or on a CPU, where networks are large, each alone.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> net = BatchedMLP([torch.randn(2, 3, 4), torch.randn(2, 4, 2)], [torch.zeros(2, 1, 4), torch.zeros(2, 1, 2)], 8)
    >>> x, target = torch.randn(2, 8, 3), torch.zeros(2, 8, dtype=torch.int64)
    >>> before = net.train_batch(x, target, learning_rate=0.1).clone()
    >>> bool((net.train_batch(x, target, learning_rate=0.1) < before).all())
    True
    """

    def __init__(self, weights: Sequence[Tensor], biases: Sequence[Tensor], batch_size: int) -> None:
        self.weights = list(weights)
        self.biases = list(biases)
        subjects, device = self.weights[0].shape[0], self.weights[0].device
        one_by_one = device.type == "cpu" and sum(w[0].numel() for w in self.weights) > LARGEST_TOGETHER
        self.groups = [slice(k, k + 1) for k in range(subjects)] if one_by_one else [slice(0, subjects)]
        together = 1 if one_by_one else subjects

        def buffer(*shape: int) -> Tensor:
            return torch.empty(shape, device=device)

        widths = [w.shape[2] for w in self.weights]
        self._active = [buffer(together, batch_size, n) for n in widths]
        self._delta = [buffer(together, batch_size, n) for n in widths]
        self._gradient = [buffer(together, *w.shape[1:]) for w in self.weights]
        self._bias_gradient = [buffer(together, *b.shape[1:]) for b in self.biases]
        self._log_p = buffer(together, batch_size, widths[-1])
        self._target_log_p = buffer(together, batch_size, 1)
        self._logits = buffer(subjects, batch_size, widths[-1])
        self._loss = buffer(subjects)
        self._batch_size = batch_size

    def forward(self, x: Tensor) -> Tensor:
        """Logits of a batch.

        Parameters
        ----------
        x : torch.Tensor
            Float32 [subject, batch, feature].

        Returns
        -------
        torch.Tensor
            Float32 [subject, batch, class]: a buffer that the next call overwrites.
        """
        logits = self._cut(self._logits, x.shape[1])
        for group in self.groups:
            logits[group] = self._forward_group(group, x[group])
        return logits

    def train_batch(
        self,
        x: Tensor,
        target: Tensor,
        learning_rate: float,
        gates: Sequence[Tensor] | None = None,
        group: slice | None = None,
    ) -> Tensor:
        """One step of plain SGD on the mean cross-entropy of a batch.

        Parameters
        ----------
        x : torch.Tensor
            Float32 [subject, batch, feature]: of all subjects, or of those of ``group``.
        target : torch.Tensor
            Int64 [subject, batch], labels.
        learning_rate : float
        gates : sequence of torch.Tensor or None
            One for each layer, [subject, pre, post]: factors of the weights' steps. None for ungated steps. Biases are
            never gated.
        group : slice or None
            One of `groups`: only these subjects make the step. Steps of one group after another are quicker than
            steps of all, where there are several groups.

        Returns
        -------
        torch.Tensor
            Float32 [subject], the mean loss before the step: a buffer that the next call overwrites.
        """
        if group is not None:
            self._train_group(group, x, target, learning_rate, gates)
            return self._loss[group]
        for each in self.groups:
            self._train_group(each, x[each], target[each], learning_rate, gates)
        return self._loss

    def _forward_group(self, group: slice, x: Tensor) -> Tensor:
        last = len(self.weights) - 1
        size = x.shape[1]
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            out = self._cut(self._active[layer], size)
            torch.baddbmm(bias[group], x, weight[group], out=out)
            if layer < last:
                out.relu_()
            x = out
        return x

    def _train_group(
        self, group: slice, x: Tensor, target: Tensor, learning_rate: float, gates: Sequence[Tensor] | None
    ) -> None:
        size = x.shape[1]
        logits = self._forward_group(group, x)
        delta = self._cut(self._delta[-1], size)
        self._output_error(logits, target, delta, self._loss[group])
        for layer in range(len(self.weights) - 1, -1, -1):
            weight, bias = self.weights[layer][group], self.biases[layer][group]
            below = self._cut(self._active[layer - 1], size) if layer else x
            if layer:
                delta_below = self._cut(self._delta[layer - 1], size)
                torch.bmm(delta, weight.transpose(1, 2), out=delta_below)
                torch.ops.aten.threshold_backward.grad_input(delta_below, below, 0.0, grad_input=delta_below)
            if gates is None:
                weight.baddbmm_(below.transpose(1, 2), delta, alpha=-learning_rate)
            else:
                torch.bmm(below.transpose(1, 2), delta, out=self._gradient[layer])
                weight.addcmul_(gates[layer][group], self._gradient[layer], value=-learning_rate)
            torch.sum(delta, dim=1, keepdim=True, out=self._bias_gradient[layer])
            bias.add_(self._bias_gradient[layer], alpha=-learning_rate)
            if layer:
                delta = delta_below

    def _output_error(self, logits: Tensor, target: Tensor, delta: Tensor, loss: Tensor) -> None:
        """Mean cross-entropy into ``loss``; its derivative with respect to the logits into ``delta``."""
        size = logits.shape[1]
        log_p, target_log_p = self._cut(self._log_p, size), self._cut(self._target_log_p, size)
        torch._log_softmax(logits, 2, False, out=log_p)
        index = target.unsqueeze(2)
        torch.gather(log_p, 2, index, out=target_log_p)
        torch.mean(target_log_p, dim=(1, 2), out=loss)
        loss.neg_()
        torch.exp(log_p, out=delta)
        torch.threshold_(delta, NEGLIGIBLE, 0.0)
        target_log_p.fill_(-1.0)
        delta.scatter_add_(2, index, target_log_p)
        delta.div_(size)

    def _cut(self, buffer: Tensor, size: int) -> Tensor:
        """The buffer for a batch of ``size``, contiguous: ``torch._log_softmax`` ignores the strides of its output."""
        if size == self._batch_size:
            return buffer
        subjects, _, width = buffer.shape
        return buffer.view(-1)[: subjects * size * width].view(subjects, size, width)
