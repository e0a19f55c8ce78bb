"""Mixed-stability networks in torch: all subjects of a session as one batched network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data.seeds import child_rng
from ..models.features import FeaturePool
from ..models.metaplastic import LearningPlan, MetaplasticNetwork
from ..models.synapses import auto_sensitivity, gate_torch, stiffness
from .batched_mlp import NEGLIGIBLE, BatchedMLP
from .session import Progress, Responses, Session, Settings, State, Subjects

if TYPE_CHECKING:
    from ..protocols import Step


def projections(model: MetaplasticNetwork, features: FeaturePool, slots: int) -> dict[str, tuple[int, int]]:
    """Names and shapes, (pre, post), of the layers' weights."""
    sizes = [features.train.shape[1], *model.hidden, slots]
    names = [f"hidden{layer + 1}" for layer in range(len(model.hidden))] + ["output"]
    return dict(zip(names, pairwise(sizes), strict=True))


class MetaplasticSession(Session):
    """A batch of subjects of a `MetaplasticNetwork`.

    Parameters
    ----------
    model : MetaplasticNetwork
    subjects : Subjects
    features : FeaturePool
        Frozen features of the pool, shared by all subjects.
    settings : Settings
    """

    model: MetaplasticNetwork

    def __init__(
        self, model: MetaplasticNetwork, subjects: Subjects, features: FeaturePool, settings: Settings
    ) -> None:
        super().__init__(model, subjects, settings)
        self.device = torch.device(settings.device)
        self._train = torch.as_tensor(features.train, device=self.device)
        self._test = torch.as_tensor(features.test, device=self.device)
        self._projections = projections(model, features, subjects.slots)
        self._initial = self._draw_weights()
        self._net = BatchedMLP(
            [w.clone() for w in self._initial],
            [torch.zeros(len(subjects), 1, n, device=self.device) for _, n in self._projections.values()],
            model.batch_size,
        )
        self._batch = torch.empty(len(subjects), model.batch_size, self._train.shape[1], device=self.device)
        self._test_images = torch.as_tensor(
            np.stack([draw.test.ravel() for draw in subjects.draws]), device=self.device
        )
        self._presentation = self._epoch = 0
        self._prepare_rule()

    # The rule ---------------------------------------------------------------------------------------------------------

    def _prepare_rule(self) -> None:
        """Draw the flexibilities, and turn them into gates of fixed rates or into stiffness."""
        self._gates: list[Tensor] | None = None
        self._sensitivity: NDArray[np.float64] | None = None
        self._stiffness = [torch.empty_like(w) for w in self._initial]
        self._frozen: list[Tensor | None] = [None] * len(self._initial)
        ordinary = extreme = True
        for layer, values in enumerate(self._stiffness):
            frozen = np.zeros(values.shape, dtype=bool)
            for place, f in enumerate(self._draw_flexibilities(layer)):
                ordinary &= bool((f == 1).all())
                extreme &= bool(((f == 0) | (f == 1)).all())
                drawn = self.model.rate * f if self.model.rule == "rate" else stiffness(f, 1.0)
                values[place] = torch.from_numpy(drawn)
                frozen[place] = f == 0
            if frozen.any():
                self._frozen[layer] = torch.from_numpy(frozen).to(self.device)
        self._is_gated = self.model.rule == "gate" and not ordinary
        if self.model.rule == "rate" and not (ordinary and self.model.rate == 1):
            self._gates, self._stiffness = self._stiffness, []
        if not self._is_gated:
            self._stiffness = []
            return
        self._gates = [torch.empty_like(w) for w in self._initial]
        if self.model.sensitivity != "auto":
            self._set_sensitivity(np.full(len(self.subjects), float(self.model.sensitivity)))
        elif extreme:  # Where every synapse is frozen or ordinary, no sensitivity matters.
            self._set_sensitivity(np.ones(len(self.subjects)))

    def _set_sensitivity(self, sensitivity: NDArray[np.float64]) -> None:
        """Scale the stiffness, once: it was drawn for a sensitivity of 1."""
        if self._sensitivity is not None:
            return
        self._sensitivity = sensitivity
        scale = torch.as_tensor(sensitivity, dtype=torch.float32, device=self.device)[:, None, None]
        for values in self._stiffness:
            values.mul_(scale).clamp_(max=torch.finfo(torch.float32).max)

    def _refresh_gates(self, group: slice = slice(None)) -> None:
        if not self._is_gated:
            return
        assert self._gates is not None
        for weight, initial, values, frozen, gate in zip(
            self._net.weights, self._initial, self._stiffness, self._frozen, self._gates, strict=True
        ):
            # Until the first item is learned w = w0, where every gate is open but those of frozen synapses.
            now = weight if self._sensitivity is not None else initial
            closed = None if frozen is None else frozen[group]
            gate_torch(now[group], initial[group], values[group], closed, gate[group])
            torch.threshold_(gate[group], NEGLIGIBLE, 0.0)

    @property
    def _needs_calibration(self) -> bool:
        return self._is_gated and self._sensitivity is None

    def _calibrate(self, step: Step) -> None:
        """Set the sensitivity from how far the synapses that are not frozen travelled during the first item."""
        squares = torch.zeros(len(self.subjects), dtype=torch.float64, device=self.device)
        synapses = torch.zeros_like(squares)
        for weight, initial, frozen in zip(self._net.weights, self._initial, self._frozen, strict=True):
            squares += (weight - initial).square_().sum(dim=(1, 2), dtype=torch.float64)
            synapses += weight[0].numel() - (0 if frozen is None else frozen.sum(dim=(1, 2)))
        travelled = torch.sqrt(squares / synapses.clamp_(min=1)).cpu().numpy()
        sensitivity = np.full(len(self.subjects), np.nan)
        for place, distance in enumerate(travelled.tolist()):
            if not np.isfinite(distance):
                self._stop_diverged(place, step, "the first item")
                continue
            try:
                sensitivity[place] = auto_sensitivity(distance, self.model.kappa)
            except ValueError as error:
                self.stopped.setdefault(place, f"phase {step.index} ({step.label or step.kind}): {error}")
        self._set_sensitivity(sensitivity)

    # Phases -----------------------------------------------------------------------------------------------------------

    def wake(self, step: Step) -> Iterator[Progress]:
        plan = self.model.plan(step)
        rows = [p.of(step.index) for p in self.subjects.presentations]
        count = len(rows[0].item)
        for presentation in range(self._presentation, count):
            images, labels = self._lessons(step, presentation, plan.nontarget)
            if self._needs_calibration and self.model.gate_refresh == "step":
                self._rehearse_to_calibrate(step, presentation, images, labels, plan)
            if self._epoch == 0:
                self._refresh_gates()
            for epoch in range(self._epoch, plan.epochs):
                loss = self._learn_epoch(step.index, presentation, epoch, images, labels, plan)
                self._stop_where_not_finite(loss, step, presentation, epoch)
                self._presentation, self._epoch = presentation, epoch + 1
                if self._epoch == plan.epochs:
                    self._presentation, self._epoch = presentation + 1, 0
                    if self._needs_calibration:
                        self._calibrate(step)
                item = int(rows[0].item[presentation])
                doing = f"item {item + 1}" if len({int(r.item[presentation]) for r in rows}) == 1 else "an item"
                yield Progress(
                    f"{doing}, epoch {epoch + 1}",
                    presentation * plan.epochs + epoch + 1,
                    count * plan.epochs,
                    presentation,
                    epoch,
                )
        self._presentation = self._epoch = 0

    def _lessons(self, step: Step, presentation: int, nontarget: bool) -> tuple[Tensor, Tensor]:
        """Images and labels of one presentation, both [subject, image]."""
        lessons = [self.subjects.lesson(k, step, presentation, nontarget) for k in range(len(self.subjects))]
        images, labels = (np.stack(column) for column in zip(*lessons, strict=True))
        return torch.as_tensor(images, device=self.device), torch.as_tensor(labels, device=self.device)

    def _learn_epoch(
        self, phase: int, presentation: int, epoch: int, images: Tensor, labels: Tensor, plan: LearningPlan
    ) -> Tensor:
        """One pass over the images in random order; returns the summed loss of each subject."""
        order = torch.as_tensor(
            np.stack(
                [
                    child_rng(self.subjects.seed, "subject", k, "order", phase, presentation, epoch).permutation(
                        images.shape[1]
                    )
                    for k in self.subjects.numbers
                ]
            ),
            device=self.device,
        )
        images, labels = images.gather(1, order), labels.gather(1, order)
        total = torch.zeros(len(self.subjects), device=self.device)
        for group in self._net.groups:
            for start in range(0, images.shape[1], plan.batch_size):
                part = slice(start, start + plan.batch_size)
                if self.model.gate_refresh == "step":
                    self._refresh_gates(group)
                x = self._gather(self._train, images[group, part])
                total[group] += self._net.train_batch(x, labels[group, part], plan.learning_rate, self._gates, group)
        return total

    def _rehearse_to_calibrate(
        self, step: Step, presentation: int, images: Tensor, labels: Tensor, plan: LearningPlan
    ) -> None:
        """Learn the first item once with open gates, calibrate, and forget it again.

        A gate that is refreshed at every step needs its sensitivity before the first item has been learned.
        """
        for epoch in range(plan.epochs):
            self._learn_epoch(step.index, presentation, epoch, images, labels, plan)
        self._calibrate(step)
        for weight, initial in zip(self._net.weights, self._initial, strict=True):
            weight.copy_(initial)
        for bias in self._net.biases:
            bias.zero_()

    def _gather(self, features: Tensor, chosen: Tensor) -> Tensor:
        """Features of the chosen images, [subject, image, feature], in the batch buffer."""
        subjects, size = chosen.shape
        width = features.shape[1]
        out = self._batch.view(-1)[: subjects * size * width].view(subjects, size, width)
        torch.index_select(features, 0, chosen.reshape(-1), out=out.view(-1, width))
        return out

    def _stop_where_not_finite(self, loss: Tensor, step: Step, presentation: int, epoch: int) -> None:
        """Stop the subjects whose loss, or whose weights after the last step, are not finite."""
        sums = [weight.sum(dim=(1, 2)) for weight in self._net.weights]
        finite = torch.isfinite(torch.stack([loss, *sums])).all(dim=0).cpu().numpy()
        for place in np.flatnonzero(~finite).tolist():
            self._stop_diverged(place, step, f"presentation {presentation + 1}, epoch {epoch + 1}")

    def _stop_diverged(self, place: int, step: Step, when: str) -> None:
        self.stopped.setdefault(
            place,
            f"loss was not finite in phase {step.index} ({step.label or step.kind}), {when}; "
            "lower learning_rate or the norm of the features",
        )

    def probe(self, step: Step, asked: NDArray[np.bool_]) -> Responses:
        subjects, total = self._test_images.shape
        given = torch.empty((subjects, total), dtype=torch.int64, device=self.device)
        for start in range(0, total, self.model.batch_size):
            part = slice(start, min(start + self.model.batch_size, total))
            logits = self._net.forward(self._gather(self._test, self._test_images[:, part]))
            given[:, part] = logits.argmax(dim=2)
        trials = given.view(subjects, self.subjects.slots, -1).cpu().numpy()
        working = np.array([place not in self.stopped for place in range(subjects)])
        return Responses.from_trials(trials, asked & working[:, None])

    # State and weights ------------------------------------------------------------------------------------------------

    def state(self) -> State:
        state: State = {"place": np.array([self._presentation, self._epoch])}
        for name, tensors in (("weight", self._net.weights), ("bias", self._net.biases)):
            state |= {f"{name}{layer}": t.cpu().numpy().copy() for layer, t in enumerate(tensors)}
        if self._epoch > 0 and self._gates is not None:
            state |= {f"gate{layer}": t.cpu().numpy().copy() for layer, t in enumerate(self._gates)}
        if self._sensitivity is not None:
            state["sensitivity"] = self._sensitivity
        if self.stopped:
            state["stopped"] = np.array(list(self.stopped))
            state["why_stopped"] = np.array(list(self.stopped.values()))
        return state

    def load_state(self, state: State) -> None:
        self._presentation, self._epoch = (int(n) for n in state["place"])
        epochs = self.model.epochs_per_exposure
        if not (self._presentation >= 0 and 0 <= self._epoch < epochs):
            raise ValueError(
                f"presentation {self._presentation}, epoch {self._epoch} of {epochs} is no place in a phase"
            )
        gates = self._gates if self._epoch > 0 and self._gates is not None else []
        for name, tensors in (("weight", self._net.weights), ("bias", self._net.biases), ("gate", gates)):
            for layer, tensor in enumerate(tensors):
                values = torch.from_numpy(state[f"{name}{layer}"])
                if values.shape != tensor.shape or values.dtype != tensor.dtype:
                    raise ValueError(f"{name}{layer} has shape {list(values.shape)}; expected {list(tensor.shape)}")
                tensor.copy_(values)
        if "sensitivity" in state and self._is_gated:
            if state["sensitivity"].shape != (len(self.subjects),):
                raise ValueError(f"{state['sensitivity'].size} sensitivities of {len(self.subjects)} subjects")
            self._set_sensitivity(state["sensitivity"])
        places = state.get("stopped", np.array([], dtype=int))
        self.stopped = dict(zip(places.tolist(), state.get("why_stopped", places).tolist(), strict=True))

    def sensitivities(self) -> NDArray[np.floating] | None:
        return self._sensitivity

    def weight_summaries(self) -> Mapping[str, Mapping[str, NDArray[np.floating]]]:
        summaries = {}
        self._refresh_gates()
        for layer, (name, weight, initial) in enumerate(
            zip(self._projections, self._net.weights, self._initial, strict=True)
        ):
            distance = (weight - initial).abs_()
            gates = torch.ones(len(self.subjects)) if self._gates is None else self._gates[layer].mean(dim=(1, 2))
            quantities = {
                "mean_displacement": distance.mean(dim=(1, 2)),
                "rms_displacement": distance.square_().mean(dim=(1, 2)).sqrt_(),
                "mean_abs_weight": torch.abs(weight, out=distance).mean(dim=(1, 2)),
                "mean_gate": gates,
            }
            summaries[name] = {quantity: values.cpu().numpy() for quantity, values in quantities.items()}
        return summaries

    def weight_snapshot(self, projection: str) -> NDArray[np.floating]:
        return self._net.weights[list(self._projections).index(projection)].cpu().numpy().copy()

    def _draw_weights(self) -> list[Tensor]:
        """Initial weights of every layer, [subject, pre, post], each subject from its own stream."""
        layers = []
        for layer, shape in enumerate(self._projections.values()):
            drawn = torch.empty((len(self.subjects), *shape))
            for place, number in enumerate(self.subjects.numbers):
                rng = child_rng(self.subjects.seed, "subject", number, "weights", layer)
                drawn[place] = torch.from_numpy(rng.standard_normal(shape) * np.sqrt(2.0 / sum(shape)))
            layers.append(drawn.to(self.device))
        return layers

    def _draw_flexibilities(self, layer: int) -> Iterator[NDArray[np.float64]]:
        """Flexibilities of one layer, [pre, post], subject after subject."""
        shape = list(self._projections.values())[layer]
        for number in self.subjects.numbers:
            rng = child_rng(self.subjects.seed, "subject", number, "flexibility", layer)
            yield self.model.flexibility.sample(shape, rng)
