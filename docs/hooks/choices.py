"""Let the reference show what a field of ``Plan`` is by default and what it is for, which its ``choice(...)`` says."""

import ast
from typing import Any

import griffe


class Choices(griffe.Extension):
    """Takes the default and the help of a field from ``choice(default, "help", ...)``, without importing anything."""

    def on_attribute_instance(self, *, attr: griffe.Attribute, **_: Any) -> None:
        """Give a field its default as value and its help as docstring."""
        call = attr.value
        if isinstance(call, griffe.ExprCall) and str(call.function) == "choice":
            default, text = call.arguments[:2]
            attr.value = default
            attr.docstring = griffe.Docstring(ast.literal_eval(str(text)), parent=attr)
