"""Mixed stability around any torch network: a small convolutional one learns digits, then digits on their side.

The printed table has accuracy on upright digits before and after the turned ones were learned, and on the turned ones.
The hybrid network keeps more of what it knew and learns the new a little less well: what the rule gives and what it
takes. A network, an optimiser and a loop of your own stay as they are; two lines are added to the loop.
"""

import numpy as np
import torch

import engram as eg
from engram.data import Digits

EPOCHS = 6
SEEDS = (1, 2)
FLEXIBILITIES = {"conventional": eg.Fixed(1.0), "hybrid": eg.Uniform()}


def as_tensors(part, turned):
    images = np.rot90(part.images, axes=(1, 2)) if turned else part.images
    return torch.tensor(images[:, None] / 255, dtype=torch.float32), torch.tensor(part.labels)


def network():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(16, 32, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(32 * 4 * 4, 10),
    )


def learn(net, optimizer, stability, images, labels):
    stability.start_item()  # reads the gates, and holds them while this task is learned
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(labels)).split(64):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(images[batch]), labels[batch]).backward()
            with stability.step():  # what Adam does inside is gated when the block ends
                optimizer.step()


def accuracy(net, images, labels):
    with torch.no_grad():
        return (net(images).argmax(dim=1) == labels).float().mean().item()


pool = Digits(source="sklearn").pool()
train = [as_tensors(pool.train, turned) for turned in (False, True)]
test = [as_tensors(pool.test, turned) for turned in (False, True)]
print("network       seed  upright before  upright after  turned after")
for name, flexibility in FLEXIBILITIES.items():
    for seed in SEEDS:
        torch.manual_seed(seed)
        net = network()
        optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
        stability = eg.MixedStability(net, flexibility=flexibility, seed=seed)
        learn(net, optimizer, stability, *train[0])
        before = accuracy(net, *test[0])
        learn(net, optimizer, stability, *train[1])
        after, turned = (accuracy(net, *part) for part in test)
        print(f"{name:12}  {seed:4}  {before:14.3f}  {after:13.3f}  {turned:12.3f}")
