"""Contours of the inverse Laplace transform, on exponentials."""

import numpy as np
import pytest

from ntk_sklearn.dynamics._contours import MANY, ONE, circle, hyperbola, intervals

RATES = np.append(0.0, np.geomspace(1e-6, 1e3, 300))


def inverted(contour, times, transform):
    sigma, weight = contour
    values = transform(sigma[:, None], RATES)
    return ((np.exp(np.outer(times, sigma)) * weight) @ values).real


@pytest.mark.parametrize("ratio", [1.01, 1.7, 4.0, 10.0, 60.0, 1000.0])
def test_a_hyperbola_serves_all_times_of_an_interval(ratio):
    times = 0.2 * np.geomspace(1.0, ratio, 40)
    contour = hyperbola(times[0], times[-1], MANY)
    found = inverted(contour, times, lambda s, rate: 1.0 / (s + rate))
    error = np.abs(found - np.exp(-np.outer(times, RATES))).max()
    assert error < 2e-8
    # No more nodes than that takes: with a fifth fewer the errors are larger.
    fewer = MANY._replace(nodes=8, per_decade=8)
    contour = hyperbola(times[0], times[-1], fewer)
    found = inverted(contour, times, lambda s, rate: 1.0 / (s + rate))
    assert np.abs(found - np.exp(-np.outer(times, RATES))).max() > 2 * error


def test_a_single_time_is_exact():
    found = inverted(hyperbola(3.0, 3.0, ONE), [3.0], lambda s, rate: 1.0 / (s + rate))
    assert np.abs(found - np.exp(-3.0 * RATES)).max() < 1e-12


@pytest.mark.parametrize(("accuracy", "most"), [(ONE, 3e-12), (MANY, 3e-9)])
def test_a_circle_serves_all_steps(accuracy, most):
    steps = np.arange(1, 41)
    roots = np.linspace(-1.0, 1.0, len(RATES))
    found = inverted(
        circle(40, accuracy), steps, lambda s, _: 1.0 / (1.0 - roots * np.exp(-s))
    )
    assert np.abs(found - roots ** steps[:, None]).max() < most


def test_intervals_have_at_most_three_decades():
    times = np.geomspace(1e-3, 1e6, 100)
    groups = intervals(times)
    assert len(groups) == 3
    assert np.array_equal(np.concatenate(groups), times)
    assert max(group[-1] / group[0] for group in groups) <= 1000.0
    assert intervals(np.array([])) == []
    assert len(intervals(np.array([5.0]))) == 1


def test_the_last_time_that_matters():
    assert ONE.last(0.0) == 0.0
    assert ONE.last(1.0) == np.inf
    assert np.isclose(0.5 ** ONE.last(0.5), 1e-14)
