"""Play an environment by keyboard, or watch an agent play it.

    python scripts/play.py NTMCopy-v0
    python scripts/play.py NTMCopy-v0 --length 5 --seed 1
    python scripts/play.py --run runs/copy-0 --length 20
    python scripts/play.py NTMAssociativeRecall-v0 --agent oracle --record recall.gif

A person presses 1, 2, ... to set the bits of an answer and space to give it; the window says so.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any, Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import expect_place_for, run_command


def main(
    env_id: tyro.conf.Positional[str | None] = None,
    run: Path | None = None,
    agent: Literal["person", "oracle", "random"] = "person",
    length: int | None = None,
    slots: int | None = None,
    seed: int | None = None,
    fps: float | None = None,
    record: Path | None = None,
    frames: Path | None = None,
) -> None:
    """Play by keyboard, or watch an agent; a trained network with its memory and heads.

    Args:
        env_id: the environment's id; the run's own, or NTMCopy-v0, if not given.
        run: folder of a run whose network plays.
        agent: who plays if no run is given.
        length: length of each tape; drawn by the environment if not given.
        slots: memory slots of the network; enough for the length if not given.
        seed: seed of the tapes; another each time if not given.
        fps: pictures a second; 4, and 30 for a person, if not given.
        record: GIF file to write one tape to, without a window.
        frames: folder to write one tape's pictures to as PNG files, without a window.
    """
    from agents.policies.agent import Agent, OracleAgent, RandomAgent
    from agents.views import play
    from ntm_gym import PROTOCOLS
    from ntm_gym.render import Window

    person = run is None and agent == "person"
    if person and (record or frames):
        raise ValueError("expected --run or --agent beside --record and --frames")
    if run is not None and agent != "person":
        raise ValueError("expected --run or --agent, got both")
    if slots is not None and run is None:
        raise ValueError("expected --run beside --slots")
    if fps is not None and not fps > 0:
        raise ValueError(f"expected fps above 0, got {fps}")
    expect_place_for(record)
    player: Agent
    beside: play.Beside | None = None
    arguments: dict[str, Any] = {}
    if run is not None:
        from agents import tensorflow

        tensorflow.prepare()
        from agents.evaluation.scores import expect_task
        from agents.storage.runs import Run
        from agents.views import live

        opened = Run.open(run)
        expect_task(opened)
        own = PROTOCOLS[opened.config.name].env_id
        if env_id not in (None, own):
            raise ValueError(f"expected a run of {env_id}, got one of {own}")
        env_id, arguments["task"] = own, opened.config.task
        player = live.load(opened, length, slots)
        if player.cell.slots is not None:
            beside = partial(live.draw_memory, player.cell)
    env_id = env_id or "NTMCopy-v0"
    env = play.make_env(env_id, **arguments)
    fps = fps or (30 if person else env.metadata["render_fps"])
    if person:
        play.play_person(play.PersonGame(env, seed, length), Window(env_id, fps))
        return
    if run is None:
        player = (
            OracleAgent(env.task)
            if agent == "oracle"
            else RandomAgent(env.task.target_width, seed or 0)
        )
    if record is None and frames is None:
        play.play_agent(env, player, Window(env_id, fps), seed, length, beside)
        return
    pictures = list(play.agent_frames(env, player, seed, length, beside))
    if record is not None:
        play.save_gif(pictures, record, fps)
    if frames is not None:
        play.save_frames(pictures, frames)


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
