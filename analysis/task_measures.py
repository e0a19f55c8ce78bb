"""Measures of continual learning, made of accuracies on each task after each task."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def average_incremental(seen: ArrayLike) -> Floats:
    """Mean over tasks of the accuracy on all items seen so far: the mean of A[t].

    Parameters
    ----------
    seen : array_like, shape (..., after)
        See `accuracy_on_seen`.

    Returns
    -------
    ndarray, shape (...)
        NaN where any A[t] is missing.

    References
    ----------
    Rebuffi, Kolesnikov, Sperl & Lampert (2017), CVPR, average incremental accuracy.

    Examples
    --------
    >>> average_incremental([1.0, 0.5, 0.75]).item()
    0.75
    """
    return np.asarray(np.asarray(seen, dtype=float).mean(axis=-1))


def last(seen: ArrayLike) -> Floats:
    """Accuracy on all items after the last task: A[T].

    Parameters
    ----------
    seen : array_like, shape (..., after)
        See `accuracy_on_seen`.

    Returns
    -------
    ndarray, shape (...)

    Examples
    --------
    >>> last([1.0, 0.5, 0.6]).item()
    0.6
    """
    return np.asarray(np.asarray(seen, dtype=float)[..., -1])


def forgetting(matrix: ArrayLike) -> Floats:
    """What was lost of each task since it was known best.

    Mean over the tasks i < T of (the largest a[t, i] with i <= t < T) - a[T, i]. Negative where tasks are known better
    at the end than ever before.

    Parameters
    ----------
    matrix : array_like, shape (..., after, task)
        See `accuracy_matrix`.

    Returns
    -------
    ndarray, shape (...)
        NaN where any of the numbers is missing.

    Raises
    ------
    ValueError
        If there are fewer than two tasks.

    References
    ----------
    Chaudhry, Dokania, Ajanthan & Torr (2018), ECCV.

    Examples
    --------
    >>> forgetting([[0.9, 0.0, 0.0], [0.7, 0.8, 0.0], [0.5, 0.6, 0.9]]).round(3).item()
    0.3
    """
    a = square(matrix)
    tasks = a.shape[-1]
    of_task = [a[..., i : tasks - 1, i].max(axis=-1) - a[..., -1, i] for i in range(tasks - 1)]
    return np.asarray(np.mean(of_task, axis=0))


def bwt(matrix: ArrayLike) -> Floats:
    """Backward transfer: mean over the tasks i < T of a[T, i] - a[i, i].

    Parameters
    ----------
    matrix : array_like, shape (..., after, task)
        See `accuracy_matrix`.

    Returns
    -------
    ndarray, shape (...)
        NaN where any of the numbers is missing.

    Raises
    ------
    ValueError
        If there are fewer than two tasks.

    References
    ----------
    Lopez-Paz & Ranzato (2017), NeurIPS 30, equation 3.

    Examples
    --------
    >>> bwt([[0.9, 0.0, 0.0], [0.7, 0.8, 0.0], [0.5, 0.6, 0.9]]).round(3).item()
    -0.3
    """
    a = square(matrix)
    learned = np.diagonal(a, axis1=-2, axis2=-1)
    return np.asarray((a[..., -1, :-1] - learned[..., :-1]).mean(axis=-1))


def fwt(matrix: ArrayLike, chance: ArrayLike) -> Floats:
    """Forward transfer: mean over the tasks i >= 2 of a[i - 1, i] - chance.

    Parameters
    ----------
    matrix : array_like, shape (..., after, task)
        See `accuracy_matrix`.
    chance : array_like
        Accuracy of a subject that guesses; one number, or something that broadcasts with shape (..., task - 1).

    Returns
    -------
    ndarray, shape (...)
        NaN where any of the numbers is missing, as where only items seen so far are asked for.

    Raises
    ------
    ValueError
        If there are fewer than two tasks.

    References
    ----------
    Lopez-Paz & Ranzato (2017), NeurIPS 30, equation 4.

    Examples
    --------
    >>> fwt([[0.9, 0.2, 0.1], [0.7, 0.8, 0.3], [0.5, 0.6, 0.9]], chance=0.1).round(3).item()
    0.15
    """
    a = square(matrix)
    before = np.diagonal(a, offset=1, axis1=-2, axis2=-1)
    return np.asarray((before - np.asarray(chance, dtype=float)).mean(axis=-1))


def square(matrix: ArrayLike) -> Floats:
    """A matrix after x task of two tasks or more, or several of them."""
    a = np.asarray(matrix, dtype=float)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2] or a.shape[-1] < 2:
        raise ValueError(f"the matrix has shape {a.shape}; expected (..., T, T) with T tasks, two or more")
    return a
