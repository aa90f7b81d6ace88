"""What is made when it is first needed: the names of a package, and validators.

docs/design/decisions/0014-made-when-needed.md
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def names(package: str, modules: Mapping[str, Iterable[str]]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` for a package (PEP 562) whose public names are in these modules. A module is imported
    when one of its names is asked for. Type checkers do not see this: the package imports the same for them."""
    where = {name: module for module, listed in modules.items() for name in listed}
    namespace = vars(sys.modules[package])

    def __getattr__(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        namespace[name] = found = getattr(import_module(where[name]), name)
        return found

    def __dir__() -> list[str]:
        return sorted({*namespace, *where})

    return __getattr__, __dir__


def require(package: str) -> None:
    """Raises `ModuleNotFoundError` where a package is not installed that is imported later, where it is used."""
    if find_spec(package) is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)


class _Adapter:
    """Stands for a `TypeAdapter`: built when it is first asked for anything, with the names of the type's module alone.
    (What pydantic has for this, `defer_build`, looks for names in the function that asks first.)"""

    def __init__(self, of: Any) -> None:
        self._of = of

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        from pydantic import TypeAdapter

        built: TypeAdapter[Any] = TypeAdapter(self._of)
        vars(self).update({one: getattr(built, one) for one in dir(built) if not one.startswith("_")})
        return getattr(built, name)


def adapter(of: Any) -> TypeAdapter[Any]:
    """pydantic's adapter for a type, built at its first use. A mistake in the type is told then."""
    return cast("TypeAdapter[Any]", _Adapter(of))
