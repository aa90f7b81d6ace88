"""An import-linter contract that waits for packages to come: names that are not in the tree yet are left out."""

from grimp import ImportGraph
from importlinter import ContractCheck
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.domain.imports import ModuleExpression

ROOT = "omnichannel"


class ForbiddenWherePresent(ForbiddenContract):
    """As import-linter's "forbidden", but a package of ours may be missing (layers have "(name)" for that)."""

    type_name = "forbidden_where_present"

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Check what is there; other than in the parent class, a missing package of ours is no error."""

        def present(expression: ModuleExpression) -> bool:
            name = expression.expression
            ours = name == ROOT or name.startswith(f"{ROOT}.")
            return not ours or "*" in name or name in graph.modules

        self.source_modules = {one for one in self.source_modules if present(one)}
        self.forbidden_modules = {one for one in self.forbidden_modules if present(one)}
        return super().check(graph, verbose)
