"""Equations of one's own: values in any form, and nothing that a recording could run as a program."""

import brian2
import pytest

from engram.models.spiking import AllToAll, Circuit, EquationCell, EquationRule, Population, Projection, Static


def cell(**changed):
    leaky = {"model": "dv/dt = -v/tau : 1", "threshold": "v > 1", "reset": "v = 0", "constants": {"tau": "10 ms"}}
    return EquationCell(**{**leaky, **changed})


@pytest.mark.parametrize("field", ["model", "threshold", "reset"])
@pytest.mark.parametrize("code", ["exp('1')", 'exp("1")', "v.__class__", "v \\\n + 1"])
def test_quoted_text_is_refused_since_sympy_would_evaluate_it(field, code):
    with pytest.raises(ValueError, match=f"EquationCell: {field}: found .* in the equations"):
        cell(**{field: code})
    with pytest.raises(ValueError, match="EquationRule: on_pre"):
        EquationRule(on_pre=f"w = {code}")


def test_equations_in_a_spec_are_checked_when_it_is_read():
    circuit = Circuit([Population("A", 2, cell())])
    hostile = circuit.model_dump_json().replace("v = 0", "v = exp('1')")
    with pytest.raises(ValueError, match="no quoted text"):
        Circuit.model_validate_json(hostile)


def test_constants_are_numbers_or_quantities_in_any_form_and_survive_json():
    given = {"tau": 10 * brian2.ms, "a": 1, "b": 0.25, "c": "20*mV", "d": "3"}
    made = cell(constants=given)
    assert made.constants == {"tau": "10 ms", "a": "1", "b": "0.25", "c": "20 mV", "d": "3"}
    assert EquationCell.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize("value", [True, [1], "abc", "nan", float("inf"), "20 parsec", None, 3 * brian2.kgram])
def test_other_constants_are_refused_in_words(value):
    with pytest.raises(ValueError, match=r"constants\.tau: found .*; expected a number, or a quantity such as"):
        cell(constants={"tau": value})


def test_a_cell_without_an_excitatory_receptor_is_neither_driven_nor_excited():
    with pytest.raises(ValueError, match='population "A": drive_weight: its cells have no excitatory receptor'):
        Circuit([Population("A", 2, cell(), drive_weight=0.1)])
    with pytest.raises(ValueError, match="have no excitatory receptor"):
        Circuit([Population("A", 2, cell())], [Projection("A", "A", Static(0.1), AllToAll())])


@pytest.mark.parametrize("power", ["9**9**9", "(9)**(9)**9", "2 ** 99999"])
def test_numbers_that_would_never_be_worked_out_are_refused(power):
    with pytest.raises(ValueError, match="SymPy would work this number out"):
        EquationCell(model="dv/dt = -v/ms : 1", threshold=f"v > {power}", reset="v = 0")


def test_powers_of_variables_are_equations():
    model = "dv/dt = (v**2 + 3**2 - w**(1/3))/ms : 1\ndw/dt = -w/ms : 1"
    assert EquationCell(model=model, threshold="v > 1", reset="v = 0").model == model
