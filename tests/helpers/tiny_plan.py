"""A plan of tiny runs, and runs whose reports and scores are made up here."""

from agents.evaluation.scores import Score
from agents.experiments.comparison.plan import load_plan
from agents.storage.runs import Run

TINY = """
tasks = ["copy"]
seeds = [0, 1]
max_sequences = 64
episodes = 8
lengths.copy = [1, 3]

[[variants]]
name = "ntm"
task.width = 2
max_length = 2
report_sequences = 16
cell.units = 6
cell.slots = 8
cell.width = 4
"""


def write_plan(folder, text=TINY, name="tiny"):
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


def plan_of(folder, text=TINY):
    return load_plan(write_plan(folder, text))


def made_up(job, errors, wrong=0.0, returns=(), steps=20_000):
    """A run with such wrong bits per held-out sequence at each report, and so many when scored.

    Its reports have such mean returns, or 0.5, each after so many more environment steps.
    """
    run = Run.create(job.folder, job.config)
    for i, held_out in enumerate(errors, 1):
        run.metrics.append(
            {
                "sequences": 1000 * i,
                "steps": steps * i,
                "seconds": 2.5 * i,
                "held_out_bit_errors": held_out,
                "held_out_loss_bits": held_out + 0.01,
                "mean_return": returns[i - 1] if returns else 0.5,
            }
        )
    (job.folder / "model.keras").touch()
    scores = [
        Score(agent, length, slots, job.episodes, length * bits, 0.0, 2.0 * length, 0.5, 3.0)
        for length in job.lengths
        for agent, slots, bits in (("ntm", 128, wrong), ("random", None, 1.0), ("oracle", None, 0))
    ]
    content = {"seed": 0, "scores": [score._asdict() for score in scores]}
    run.write_json("evaluation.json", content)
    return run
