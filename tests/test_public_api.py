"""The names users import, and what a change of them means."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import ecomtrack_sdk
from ecomtrack_sdk import errors

PACKAGE = Path(ecomtrack_sdk.__file__).parent


def test_the_lazy_table_and_all_are_the_same() -> None:
    """Each public name is in ``__all__`` once, sorted, and has one home."""
    homes = [name for names in ecomtrack_sdk._HOMES.values() for name in names]
    assert len(homes) == len(set(homes))
    assert ecomtrack_sdk.__all__ == sorted([*homes, "__version__"])
    assert dir(ecomtrack_sdk) == ecomtrack_sdk.__all__


def test_what_type_checkers_see_is_what_is_loaded() -> None:
    """The imports under TYPE_CHECKING name the same modules and names as the lazy table."""
    tree = ast.parse(Path(ecomtrack_sdk.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        node.module: {alias.name for alias in node.names} for node in block.body if isinstance(node, ast.ImportFrom)
    }
    assert seen == {module: set(names) for module, names in ecomtrack_sdk._HOMES.items()}


@pytest.mark.parametrize("name", ecomtrack_sdk.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    """It can be imported, is exported by its home, and says what it is."""
    value = getattr(ecomtrack_sdk, name)
    if name in ecomtrack_sdk._HOME_OF:
        home = import_module(ecomtrack_sdk._HOME_OF[name])
        assert name in home.__all__
        assert getattr(home, name) is value
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__doc__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """As of any other module."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ecomtrack_sdk.nothing  # noqa: B018


def test_a_star_import_gives_the_public_names() -> None:
    """For notebooks."""
    program = "from ecomtrack_sdk import *; print(Order.__name__, Tracker.__name__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["Order", "Tracker"]


def test_the_tree_of_errors_is_the_one_that_is_drawn() -> None:
    """The picture in the module's docstring has every class, under its base; all are ours."""
    drawn: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    assert errors.__doc__
    for line in errors.__doc__.splitlines():
        name = line.replace("│", " ").replace("├─", "  ").replace("└─", "  ")
        words = name.split()
        if not words or words[0] not in errors.__all__:
            continue
        depth = len(name) - len(name.lstrip())
        path = [entry for entry in path if entry[0] < depth]
        drawn[words[0]] = path[-1][1] if path else "Exception"
        path.append((depth, words[0]))
    assert sorted(drawn) == errors.__all__
    for name, base in drawn.items():
        assert getattr(errors, name).__mro__[1].__name__ == base


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_say_what_they_are(path: Path) -> None:
    """A docstring, and no more lines than can be read in one sitting."""
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "a module without a docstring"
    assert text.count("\n") <= 450, "split it"
    assert path.stem not in {"utils", "helpers", "misc", "common"}


def test_the_events_package_is_lazy_in_the_same_way() -> None:
    """Its ``__all__``, its table and what type checkers see agree, and a name that is not there is an error."""
    from ecomtrack_sdk import events

    assert sorted(events._HOME_OF) == sorted(events.__all__) == sorted(dir(events))
    tree = ast.parse(Path(events.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        node.module: {alias.name for alias in node.names} for node in block.body if isinstance(node, ast.ImportFrom)
    }
    assert seen == {module: set(names) for module, names in events._HOMES.items()}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        events.nothing  # noqa: B018
