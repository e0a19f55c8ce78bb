"""Your own items and your own model: gratings, and a subject that keeps one fading prototype for each label."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

import engram as eg
from engram.data import ImagePart, ItemSet, Pool, child_rng, register_item_set
from engram.models import Model, register_model
from engram.sim import Progress, Responses, Session, register_backend

SUBJECTS = 10
CLASSES = tuple(f"{angle}°" for angle in range(0, 180, 18))
Share = Annotated[float, Field(ge=0, le=1)]


class Gratings(ItemSet):
    """Gratings of ten orientations in noise."""

    name = "gratings"
    contrast: Share = 0.1

    def pool(self, data_dir=None, seed=0):
        return Pool(self.name, CLASSES, self._part("train", 60, seed), self._part("test", 40, seed), "drawn gratings")

    def _part(self, role, per_class, seed):
        labels = np.repeat(np.arange(len(CLASSES)), per_class)
        angle = np.pi * labels[:, None, None] / len(CLASSES)
        y, x = np.mgrid[:16, :16] * (2 * np.pi / 6)  # one cycle in six pixels
        grating = self.contrast * np.sin(x * np.cos(angle) + y * np.sin(angle))
        noise = child_rng(seed, "pool", self.name, role).normal(0, 0.25, grating.shape)
        return ImagePart((127.5 * (1 + grating + noise)).clip(0, 255).astype(np.uint8), labels)


class NearestPrototype(Model):
    """Keeps one prototype for each label; all of them fade while others are learned."""

    backend = "prototypes"
    kind: Literal["nearest-prototype"] = "nearest-prototype"
    rate: Share = 0.05
    forgetting: Share = 0.01


class PrototypeSession(Session):
    """Subjects of `NearestPrototype`."""

    def __init__(self, model, subjects, settings):
        super().__init__(model, subjects, settings)
        parts = subjects.pool.train, subjects.pool.test
        self.train, self.test = (part.images.reshape(len(part), -1) / 127.5 - 1 for part in parts)
        self.prototypes = np.zeros((len(subjects), subjects.slots, self.train.shape[1]))
        self.presented = 0

    def wake(self, step):
        count = len(self.subjects.presentations[0].of(step.index))
        for n in range(self.presented, count):
            for k, prototypes in enumerate(self.prototypes):
                images, labels = self.subjects.lesson(k, step, n)
                for image, label in zip(self.train[images], labels, strict=True):
                    prototypes *= 1 - self.model.forgetting
                    prototypes[label] += self.model.rate * (image - prototypes[label])
            self.presented = n + 1
            yield Progress(f"presentation {n + 1}", n + 1, count, presentation=n)
        self.presented = 0

    def probe(self, step, asked):
        images = self.test[np.stack([draw.test for draw in self.subjects.draws])]  # subject × slot × image × pixel
        # The nearest prototype p of an image x is the one with the largest 2 x·p - |p|².
        nearness = 2 * np.einsum("ksip,klp->ksil", images, self.prototypes) - (self.prototypes**2).sum(2)[:, None, None]
        return Responses.from_trials(nearness.argmax(axis=3), asked)

    def state(self):
        return {"prototypes": self.prototypes.copy(), "presented": np.array(self.presented)}

    def load_state(self, state):
        self.prototypes, self.presented = state["prototypes"].copy(), int(state["presented"])


register_item_set("gratings", Gratings)
register_model("nearest-prototype", NearestPrototype)
register_backend("prototypes", PrototypeSession)

models = {"fading": NearestPrototype(), "lasting": NearestPrototype(forgetting=0)}
run = eg.run("serial-position-10", models, subjects=SUBJECTS, items="gratings", out="runs/own.h5", overwrite=True)
eg.analysis.plot_serial_position(run.performance()).figure.savefig("runs/own.png")
