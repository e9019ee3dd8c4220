"""Show where the time of an NTM's update goes: the kernels that XLA made of it, by kind.

python scripts/profile_update.py
python scripts/profile_update.py --batches 1 4 32
"""

from agents.extras import tyro


def main(batches: tuple[int, ...] = (4, 32), length: int = 20, slots: int = 128) -> None:
    """Run updates of Copy's recipe with each of their kernels recorded.

    Args:
        batches: sequences of an update, one number after the other.
        length: vectors of each.
        slots: memory slots.
    """
    from agents import console, tables

    for name, value in (("length", length), ("slots", slots), *(("batches", n) for n in batches)):
        if value < 1:
            raise ValueError(f"expected {name} of at least 1, got {value}")
    console.use_one_core()
    console.prepare_tensorflow()
    from agents.profiling import profile_update
    from agents.throughput import update_ms

    for batch in batches:
        whole = update_ms(batch, length, slots, 2.0)
        tables.print_kernels(batch, whole, profile_update(batch, length, slots))


if __name__ == "__main__":
    from agents.commands import run_command

    run_command(lambda: tyro.cli(main))
