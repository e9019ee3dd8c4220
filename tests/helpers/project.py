"""The project's modules and what each of them imports."""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def module_name(path, root=ROOT):
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules(*packages, root=ROOT):
    """All modules of the packages: name -> path."""
    paths = (path for package in packages for path in sorted((root / package).rglob("*.py")))
    return {module_name(path, root): path for path in paths}


def imports(name, path, known):
    """All modules that a module imports, those inside functions too.

    `from a import b` gives a.b if that is one of the known modules, else a.
    """
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                found.add(full if full in known else base)
    return found


def within(module, package):
    return module == package or module.startswith(package + ".")


def foreign(found):
    """The top-level packages among imports that are neither Python's own nor this project's."""
    # tomllib is Python's own from 3.11 on; before, the extra compare declares tomli.
    own = {"ntm_gym", "agents", "scripts", "tomllib"}
    return {name.partition(".")[0] for name in found} - own - set(sys.stdlib_module_names)


TREE = modules("ntm_gym", "agents", "scripts")
IMPORTS = {name: imports(name, path, TREE) for name, path in TREE.items()}
