"""The two-stage circuit, drawn: hippocampus, cortex, and what joins them.

Boxes are modules, circles populations, arrows projections: as wide as what a target cell gets in all, dashed where the
weights are still 0, in the colour of their module where they learn. Awake, an input drives cortex and hippocampus
together; asleep, the hippocampus replays by itself and the cortex learns from it. Nothing is simulated here: a circuit
is a description, which can be checked, measured, drawn and changed before there is a single spike.
"""

from pathlib import Path

import engram as eg

model = eg.models.model("two-stage")
circuit = model.circuit
for projection in circuit.projections:
    print(f"{projection.name:8} {type(projection.rule).__name__:18} {circuit.synapses(projection):10,.0f} synapses")

Path("runs").mkdir(exist_ok=True)
eg.analysis.plot_circuit(circuit.plain_graph()).figure.savefig("runs/two_stage_drawn.png")
