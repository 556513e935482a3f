"""Shapes and types of the package, executed while it is tested: the first calls of every function in every test.

A training loop calls a function a thousand times with the same shapes. To check each call takes as long as the training
itself, and finds nothing after the first few.
"""

import ast
import functools
import inspect
import sys
from dataclasses import is_dataclass
from importlib.machinery import PathFinder, SourceFileLoader

from beartype import BeartypeConf, beartype
from jaxtyping import jaxtyped

CALLS = 2
"""How many calls of a function are checked in each test."""

VERSION = 1
"""Of the code that is written here into modules; a change makes their compiled files anew."""

typed = beartype(conf=BeartypeConf(is_pep484_tower=True))  # whole numbers are fine where floats are expected

_left = {}
"""How many calls are still to be checked in this test, by the code of a function: one inside another is made anew with
every call of the outer."""


def next_test():
    """From here on, every function is checked again."""
    _left.clear()


def checked(part):
    """A function that checks what it is given and gives back; a class as it is, its fields checked if it has any."""
    if inspect.isclass(part):
        if is_dataclass(part) and part.__init__.__qualname__ == f"{part.__qualname__}.__init__":
            part.__init__ = checked(part.__init__)
        return part
    if not part.__annotations__:
        return part
    code, checking = id(part.__code__), None

    @functools.wraps(part)
    def wrapper(*args, **kwargs):
        nonlocal checking
        left = _left.get(code, CALLS)
        if not left:
            return part(*args, **kwargs)
        _left[code] = left - 1
        if checking is None:  # most functions are never called by one test process
            checking = jaxtyped(part, typechecker=typed)
        return checking(*args, **kwargs)

    return wrapper


class _Checks(ast.NodeTransformer):
    """Decorates every function and class of a module."""

    def visit_Module(self, node):
        self.generic_visit(node)
        after = [isinstance(each, ast.ImportFrom) and each.module == "__future__" for each in node.body]
        place = 1 + max((number for number, future in enumerate(after) if future), default=-1)
        if place == 0 and ast.get_docstring(node, clean=False) is not None:
            place = 1
        node.body[place:place] = ast.parse("from tests.checking import checked as _checked_").body
        return node

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        node.decorator_list.append(_decorator(node))  # the innermost: others take annotations away
        return node

    def visit_ClassDef(self, node):
        self.generic_visit(node)
        node.decorator_list.insert(0, _decorator(node))  # the outermost: what `@dataclass` has made
        return node


def _decorator(node):
    return ast.copy_location(ast.Name("_checked_", ast.Load()), node)


def compiled(source, path):
    """The code of a module, every function and class of it checked."""
    tree = ast.fix_missing_locations(_Checks().visit(ast.parse(source, path)))
    return compile(tree, path, "exec", dont_inherit=True)


class _Loader(SourceFileLoader):
    def source_to_code(self, data, path, **_):
        return compiled(data, path)

    def get_data(self, path):
        return super().get_data(_place(path))

    def set_data(self, path, data, **mode):
        super().set_data(_place(path), data, **mode)


def _place(path):
    """Where the compiled file of a module with checks lies: beside that without."""
    return path.removesuffix(".pyc") + f".checked-{VERSION}.pyc" if path.endswith(".pyc") else path


class _Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "counterpoint" and not name.startswith("counterpoint."):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def check_package():
    """From here on, modules of the package are imported with their checks."""
    sys.meta_path.insert(0, _Finder)
