"""The documentation is true: its commands exist and its Python runs."""

import contextlib
import io
import re
import runpy
import shlex
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from agents.recipes.supervised import CONFIGS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
SHELLS = ("bash", "sh", "shell", "console")


class Block(NamedTuple):
    """A fenced block: its language, the number of its first line within the page, its text."""

    language: str
    line: int
    text: str


def blocks(page):
    """All fenced blocks of a page, those indented in a list too."""
    found = []
    fence = None
    for number, line in enumerate(page.splitlines(), 1):
        mark = re.match(r"( *)(`{3,}|~{3,}) *(\S*)", line)
        if fence is None:
            if mark:
                indent, fence, language = mark.groups()
                found.append(Block(language, number + 1, ""))
        elif mark and mark[2].startswith(fence) and not mark[3]:
            fence = None
        else:
            last = found[-1]
            found[-1] = last._replace(text=last.text + line.removeprefix(indent) + "\n")
    return found


def commands(page):
    """The commands of a page's shell blocks as lists of words; in `console`, the lines after $."""
    found = []
    for block in blocks(page):
        if block.language not in SHELLS:
            continue
        text = block.text.replace("\\\n", " ")
        for line in text.splitlines():
            if block.language == "console":
                if not line.startswith("$ "):
                    continue
                line = line.removeprefix("$ ")
            words = shlex.split(line, comments=True)
            while "&&" in words:
                end = words.index("&&")
                found.append(words[:end])
                words = words[end + 1 :]
            if words:
                found.append(words)
    return found


@cache
def script_help(script, arguments):
    """What a script prints for --help after the given arguments."""
    output = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(output):
        patch.setattr(sys, "argv", [script, *arguments, "--help"])
        # So wide that no option is broken over two lines.
        patch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as stopped:
            runpy.run_path(str(ROOT / script), run_name="__main__")
    assert not stopped.value.code, f"{script} {' '.join(arguments)} --help fails"
    return output.getvalue()


def wrong_with(words):
    """What is wrong with a command: a text, or None; commands of other programs are not judged."""
    words = [word.removeprefix(".venv/bin/") for word in words]
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        targets = re.findall(r"^([a-z]+):", makefile, re.MULTILINE)
        variables = re.findall(r"^([A-Z]+) \?=", makefile, re.MULTILINE)
        for word in words[1:]:
            name, assigned, _ = word.partition("=")
            if name not in (variables if assigned else targets):
                return f"make has no {word}"
    elif len(words) > 1 and words[0] == "python" and words[1].startswith("scripts/"):
        script, *arguments = words[1:]
        if not (ROOT / script).is_file():
            return f"there is no {script}"
        options = [word.partition("=")[0] for word in arguments if word.startswith("--")]
        first = next((i for i, word in enumerate(arguments) if word.startswith("-")), None)
        chosen = [*arguments[:first]]
        if "--cell" in arguments:  # decides which other options there are
            chosen += arguments[arguments.index("--cell") :][:2]
        text = script_help(script, tuple(chosen))
        # A usage that ends with a choice still wants a subcommand.
        choice = re.match(r"usage: .* (\{[\w,-]+\})\n", text)
        if choice:
            return f"{script} wants one of {choice[1]}"
        known = re.findall(r"--[a-z][\w.-]*", text)
        for option in options:
            if option not in known:
                return f"{script} has no {option}"
    return None


def promises(source):
    """What the comments after `print(...)  # like this` promise to be printed; not in loops."""
    return re.findall(r"^print\(.*\)  # (.*)$", source, re.MULTILINE)


def keeps(printed, promised):
    """Whether a printed line is the promised one; of "about 0.5", only numbers within 0.15."""
    if not promised.startswith("about "):
        return printed == promised
    number = r"-?\d+(?:\.\d+)?"
    found, expected = (
        [float(word) for word in re.findall(number, line)] for line in (printed, promised)
    )
    return len(found) == len(expected) and found == pytest.approx(expected, abs=0.15)


PAGE = """
Text with `make nothing`.

```bash
make test && make train SEED=3   # both
python scripts/train.py copy \\
    --seed 3
```

1. In a list:

   ```console
   $ python scripts/plot.py "a b"
   Run: a b
   ```

````markdown
```python
not_code
```
````

```python
x = 1
```

~~~python
assert x == 1
~~~
"""


def test_blocks_are_found():
    found = blocks(PAGE)
    languages = [block.language for block in found]
    assert languages == ["bash", "console", "markdown", "python", "python"]
    assert [block.text for block in found[3:]] == ["x = 1\n", "assert x == 1\n"]
    assert found[2].text == "```python\nnot_code\n```\n"
    assert PAGE.splitlines()[found[3].line - 1] == "x = 1"


def test_commands_are_found():
    assert commands(PAGE) == [
        ["make", "test"],
        ["make", "train", "SEED=3"],
        ["python", "scripts/train.py", "copy", "--seed", "3"],
        ["python", "scripts/plot.py", "a b"],
    ]


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("make train TASK=copy SEED=3", None),
        ("make tests", "make has no tests"),
        ("make train SEEDS=3", "make has no SEEDS=3"),
        ("python scripts/train.py copy --seed 3 --run=runs/mine", None),
        (".venv/bin/python scripts/train.py copy --learning-rate 1e-4", None),
        ("python scripts/plot.py runs/copy-0 --lengths 20 60 --slots 128", None),
        ("python scripts/train.py copy --seeds 3", "scripts/train.py has no --seeds"),
        ("python scripts/train.py copy --cell dnc --cell.sharpen-links", None),
        ("python scripts/train.py copy --cell.layers 3 --cell lstm", None),
        ("python scripts/train.py copy --cell.layers 3", "scripts/train.py has no --cell.layers"),
        ("python scripts/train.py cpoy", f"scripts/train.py wants one of {{{','.join(CONFIGS)}}}"),
        ("python scripts/evaluate.py runs/copy-0 --fields min_repeats 20", None),
        ("python scripts/trian.py copy", "there is no scripts/trian.py"),
        ("pip install -e .", None),
    ],
)
def test_wrong_commands_are_noticed(command, wrong):
    assert wrong_with(shlex.split(command)) == wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page):
    found = [wrong_with(words) for words in commands(page.read_text(encoding="utf-8"))]
    assert [wrong for wrong in found if wrong] == []


@pytest.mark.parametrize(
    ("promised", "printed", "kept"),
    [
        ("1.0 True 0", "1.0 True 0", True),
        ("1.0 True 0", "1.0 True 1", False),
        ("(32, 7)", "(32, 7)", True),
        ("about 0.5", "0.58", True),
        ("about 0.5", "0.75", False),
        ("about 0.5", "half", False),
        ("about 1.0 -2", "1.1 -2.1", True),
    ],
)
def test_promises_are_judged(promised, printed, kept):
    assert keeps(printed, promised) is kept


def test_promises_are_found():
    source = "print(1)  # 1\nfor i in x:\n    print(i)  # 2\nprint(3)\nprint(f(4))  # about 4\n"
    assert promises(source) == ["1", "about 4"]


@pytest.mark.slow
@pytest.mark.usefixtures("own_registry")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_runs(page, tmp_path, monkeypatch):
    """Runs a page's Python blocks one after the other, as one program, in an empty folder.

    It prints what its comments promise.
    """
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.language != "python":
            continue
        # Empty lines before it, so that an error names the page's line.
        source = "\n" * (block.line - 1) + block.text
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(compile(source, str(page), "exec"), namespace)
        printed = iter(output.getvalue().splitlines())
        for promised in promises(block.text):
            assert any(keeps(line, promised) for line in printed), (promised, output.getvalue())
