"""Imports go one way: the core imports no part, and no module imports itself through others."""

import grimp
import networkx
import pytest

import << cookiecutter.package_name >>

PACKAGE = << cookiecutter.package_name >>.__name__


@pytest.fixture(scope="module")
def imports() -> networkx.DiGraph:
    """The modules of this project, with an edge from each to those that it imports, lazily too."""
    graph = grimp.build_graph(PACKAGE, exclude_type_checking_imports=True, cache_dir=None)
    found = networkx.DiGraph()
    for module in graph.modules:
        found.add_edges_from((module, other) for other in graph.find_modules_directly_imported_by(module))
    return found


def test_the_core_imports_no_part(imports: networkx.DiGraph) -> None:
    inside = f"{PACKAGE}.parts."
    crossing = [edge for edge in imports.edges if edge[1].startswith(inside) and not edge[0].startswith(inside)]
    assert not crossing


def test_no_module_imports_itself_through_others(imports: networkx.DiGraph) -> None:
    cycles = [sorted(cycle) for cycle in networkx.strongly_connected_components(imports) if len(cycle) > 1]
    assert not cycles
