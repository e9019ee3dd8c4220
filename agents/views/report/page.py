"""The page: all parts of a report, put together by the template `page.html`."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from agents.storage.files import replacing
from agents.views.report import origins
from agents.views.report.charts import generalisation_chart, learning_charts
from agents.views.report.pictures import drawn_pictures, head_pictures
from agents.views.report.results import Results
from agents.views.report.sentences import task_sentences
from agents.views.report.sources import read_results
from agents.views.report.standings import standings
from agents.views.report.tables import leaderboard, seed_table, summary_table

FOLDER = Path(__file__).parent


def write_page(folder: Path, output: Path | None = None, heads: bool = True) -> Path:
    """Writes the report of a folder of results, as one file that needs no other.

    Args:
        folder: a run's folder, or one that `scripts/compare.py` or `scripts/benchmark.py` wrote.
        output: the file; report.html in the folder if None.
        heads: whether networks that are there are drawn at work, which takes some seconds each.

    Returns:
        The file's path.

    Raises:
        RunError: the folder holds no results, or they are damaged.
    """
    page = render(read_results(folder), heads)
    output = output or folder / "report.html"
    with replacing(output) as path:
        path.write_text(page, encoding="utf-8", errors="replace")
    return output


def render(results: Results, heads: bool = True) -> str:
    """Returns the report of results as HTML.

    Args:
        results: the results; what turns out to be missing is added.
        heads: whether networks that are there are drawn at work.
    """
    found = {task: standings(results, task) for task in results.tasks}
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    parts = [
        {
            "name": task,
            "sentences": task_sentences(results, task, of_task),
            "learning": learning_charts(results, task),
            "generalisation": generalisation_chart(results, task, of_task),
            "leaderboard": leaderboard(results, task, of_task),
            "seeds": seed_table(results, task),
            "differences": origins.differences(results, task),
        }
        for task, of_task in found.items()
    ]
    return environment.get_template("page.html").render(
        title=results.folder.resolve().name,
        kind=results.kind,
        summary=summary_table(results, found),
        tasks=parts,
        drawn=list(drawn_pictures(results)),
        heads=list(head_pictures(results)) if heads else [],
        settings=origins.settings_of(results),
        commands=origins.commands_of(results),
        plan=origins.plan_of(results),
        versions=origins.versions_table(results),
        machine=origins.this_machine(),
        missing=results.missing,
        # Of the package and of this folder, so they hold no text of the results.
        style=(FOLDER / "page.css").read_text(encoding="utf-8"),
        script=(FOLDER / "page.js").read_text(encoding="utf-8"),
        plotly=get_plotlyjs(),
    )
