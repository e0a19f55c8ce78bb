"""Errors of order: what comes back at the wrong place.

Left, what comes out at each output position of lists of eight: the right item, an item of another place, one of an
earlier list, nothing. Right, how far the misplaced items have moved, from their own place at 0. That they land near it,
and more rarely the farther away, is the signature of a code of position; a model that knew only which items it saw
would have flat lines.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

import engram as eg
from engram.models.ordered import PositionalNetwork

SUBJECTS = 40
LENGTH = 8

run = eg.run(
    "serial-recall",
    {"positional": PositionalNetwork()},
    subjects=SUBJECTS,
    seed=1,
    out="runs/errors.h5",
    overwrite=True,
)
recalls, studied = run.recalls("positional"), run.studied("positional")
of_length = [table[table["list_length"] == LENGTH] for table in (recalls, studied)]

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
eg.analysis.plot_errors(eg.analysis.error_shares(*of_length), ax=left)
left.legend(fontsize="small")
eg.analysis.plot_transpositions(eg.analysis.transposition_gradient(*of_length), ax=right)
figure.savefig("runs/order_errors.png")
