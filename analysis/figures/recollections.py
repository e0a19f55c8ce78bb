"""What is recalled beside what was seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..probes import require_columns
from .style import new_axes

GAP = 2  # pixels between images


def plot_recollections(pairs: pd.DataFrame, ax: Axes | None = None, *, most: int = 12) -> Axes:
    """Show original images above what is recalled of them.

    Parameters
    ----------
    pairs : pandas.DataFrame
        Columns ``original`` and ``recalled``, each cell the pixels of an image (uint8, row by row), and the attributes
        ``height``, ``width`` and ``channels``: ``recording.table(model, subject, "recollections")``.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    most : int
        Largest number of pairs, spread evenly over those there are.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If a column or the size is missing, or there are no pairs.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from engram.analysis import plot_recollections
    >>> pixels = np.zeros(4, dtype=np.uint8)
    >>> pairs = pd.DataFrame({"original": [pixels], "recalled": [pixels]})
    >>> pairs.attrs = {"height": 2, "width": 2, "channels": 1}
    >>> [label.get_text() for label in plot_recollections(pairs).get_yticklabels()]
    ['seen', 'recalled']
    """
    require_columns(pairs, ("original", "recalled"), "pairs")
    sizes = [pairs.attrs.get(name) for name in ("height", "width", "channels")]
    if None in sizes:
        raise ValueError("pairs do not say how large their images are; expected the attributes height, width, channels")
    if pairs.empty:
        raise ValueError("there are no pairs to show: nothing is recalled yet")
    height, width, channels = map(int, sizes)  # type: ignore[arg-type]
    chosen = pairs.iloc[np.unique(np.linspace(0, len(pairs) - 1, min(most, len(pairs))).astype(int))]
    sheet = np.full((2 * height + GAP, len(chosen) * (width + GAP) - GAP, channels), 255, dtype=np.uint8)
    for row, column in enumerate(("original", "recalled")):
        for place, pixels in enumerate(chosen[column]):
            top, left = row * (height + GAP), place * (width + GAP)
            sheet[top : top + height, left : left + width] = np.reshape(pixels, (height, width, channels))
    axes = new_axes(ax, width=max(2.4, 0.7 * len(chosen)), height=1.7)
    colored = np.repeat(sheet, 3, axis=2) if channels == 1 else sheet
    axes.imshow(colored, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([height / 2, height * 1.5 + GAP], ["seen", "recalled"])
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    return axes
