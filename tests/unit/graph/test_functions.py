"""Which functions of a module are nodes, and what their signatures say."""

from __future__ import annotations

import functools
import pickle
from pathlib import Path
from typing import Annotated, Any, overload

import pytest

from anabranch import Builder, Collect, FlowError, Parallelizable, Stream, module_from_functions
from anabranch.graph import Graph, Role
from anabranch.graph.functions import functions_of, node_of, nodes_of, origin_of


def names(module, **config):
    return [name for name, _ in functions_of(module, config)]


def test_public_functions_of_the_module_itself_are_nodes(flow):
    other = flow("def imported() -> int: ...")
    module = flow(
        f"""
        import math
        from os.path import join
        from {other.__name__} import imported
        constant = 3
        class Helper:
            def method(self): ...
        def _private() -> int: ...
        def first() -> int: ...
        def second(first: int) -> int: ...
        another = Helper()
        """
    )
    assert names(module) == ["first", "second"]


def test_a_decorated_function_is_a_node_of_the_module_that_decorates_it(flow):
    tools = flow(
        """
        import functools
        def logged(function):
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                return function(*args, **kwargs)
            return wrapper
        """
    )
    module = flow(
        f"""
        import functools
        from {tools.__name__} import logged

        @logged
        def plain(x: int) -> int:
            "Doc."
            return x + 1

        @functools.lru_cache
        def cached(plain: int) -> int: return plain * 2

        @functools.cache
        @logged
        def twice(cached: int) -> int: return cached + 1
        """
    )
    graph = Graph.from_modules([module])
    assert sorted(graph.nodes) == ["cached", "plain", "twice"]
    assert set(graph.inputs) == {"x"}
    assert graph.nodes["plain"].doc == "Doc."
    assert graph.nodes["cached"].annotation is int
    assert [p.annotation for p in graph.nodes["twice"].parameters] == [int]
    assert graph.nodes["plain"].origin == f"{module.__file__}:{_line(module, '@logged')}"
    assert Builder().with_modules(module).build().execute(["twice"], {"x": 1}) == {"twice": 5}


def _line(module, text):
    lines = Path(module.__file__).read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.startswith(text))


def test_a_lambda_with_a_name_is_a_function_and_a_class_is_none(flow):
    module = flow("double = lambda x: 2 * x\nclass thing: ...\ndef real(double: int) -> int: return double + 1")
    assert names(module) == ["double", "real"]
    assert Builder().with_modules(module).build().execute(["real"], {"x": 4}) == {"real": 9}


def test_functions_from_anywhere_make_a_temporary_module():
    from os.path import basename

    def local(path: str) -> str:
        return basename(path)

    module = module_from_functions(local, basename)
    assert sorted(names(module)) == ["basename", "local"]
    assert module.__name__ == "flow"
    assert names(module_from_functions()) == []


def test_a_name_defined_twice_in_a_file_is_refused_even_in_unused_alternatives(flow):
    module = flow("def a() -> int: ...\n\ndef b() -> int: ...\n\nasync def a() -> int: ...")
    with pytest.raises(FlowError, match=r"two functions are called 'a': .*:2 and .*:6; rename one"):
        names(module)


def test_a_name_defined_in_two_branches_or_in_a_class_or_as_overload_is_fine(flow):
    module = flow(
        """
        import typing
        if typing.TYPE_CHECKING:
            def a() -> int: ...
        else:
            def a() -> int: return 1

        class A:
            def a(self): ...
            def b(self): ...

        @typing.overload
        def b(x: int) -> int: ...
        @typing.overload
        def b(x: str) -> str: ...
        def b(x: Any) -> Any: return x

        def _hidden(): ...
        def _hidden(): ...

        text = '''
        def a(): ...
        '''
        """
    )
    assert names(module) == ["a", "b"]


def test_origin_is_file_and_line():
    def function(): ...

    assert origin_of(function) == f"{__file__}:{function.__code__.co_firstlineno}"
    assert origin_of(functools.lru_cache(function)) == origin_of(function)
    assert origin_of(len) == "origin unknown"


# -- signatures ----------------------------------------------------------------------------------------------------


def parameter(annotation):
    def function(x): ...

    function.__annotations__ = {"x": annotation}
    (found,) = node_of("n", function).parameters
    return found


@pytest.mark.parametrize(
    ("annotation", "role", "depth", "item"),
    [
        (int, Role.PLAIN, 0, int),
        ("int", Role.PLAIN, 0, int),
        (Any, Role.PLAIN, 0, Any),
        (Collect[int], Role.COLLECT, 1, int),
        ("Collect[int]", Role.COLLECT, 1, int),
        (Collect["int"], Role.COLLECT, 1, int),
        (Collect[Collect[str]], Role.COLLECT, 2, str),
        (Collect[Collect[Collect[Any]]], Role.COLLECT, 3, Any),
        (Stream[int], Role.STREAM, 1, int),
        (Stream[Collect[int]], Role.STREAM, 2, int),
        (Annotated[Collect[Annotated[int, "kg"]], "many"], Role.COLLECT, 1, int),
        (Collect[list[int]], Role.COLLECT, 1, list[int]),
        (Annotated[int, "kg"], Role.PLAIN, 0, int),
    ],
)
def test_a_parameter_has_a_role_a_depth_and_the_type_of_one_item(annotation, role, depth, item):
    found = parameter(annotation)
    assert (found.role, found.depth, found.annotation) == (role, depth, item)


def test_a_parameter_without_annotation_takes_anything():
    found = node_of("n", lambda x: x).parameters[0]
    assert (found.annotation, found.role, found.required) == (Any, Role.PLAIN, True)


def test_defaults_keywords_and_the_rest():
    def function(a, /, b, c=1, *rest, d, e=2, **more): ...

    found = {p.name: (p.required, p.keyword) for p in node_of("n", function).parameters}
    assert found == {"a": (True, False), "b": (True, False), "c": (False, False), "d": (True, True), "e": (False, True)}


def test_what_a_function_returns():
    def expander(x) -> Parallelizable[int]: ...
    def generator(x) -> Parallelizable[dict[str, int]]:
        yield {}

    def plain(x) -> int: ...
    def nothing(x) -> None: ...
    def silent(x): ...
    def iterator(x) -> Any:
        yield 1

    assert [
        (node_of("n", f).annotation, node_of("n", f).expands) for f in (expander, generator, plain, nothing, silent, iterator)
    ] == [
        (int, True),
        (dict[str, int], True),
        (int, False),
        (type(None), False),
        (Any, False),
        (Any, False),
    ]


def test_docs_tags_and_label(flow):
    module = flow("@tag(owner='data')\ndef a() -> int:\n    '''What it is.\n\n    And more.\n    '''\n")
    (node,) = nodes_of("a", module.a, {})
    assert node.doc == "What it is.\n\nAnd more."
    assert node.tags == {"owner": "data"}
    assert node.label == f"'a' ({module.__file__}:2)"


def test_an_overloaded_function_has_the_signature_of_its_body():
    @overload
    def f(x: int) -> int: ...
    @overload
    def f(x: str) -> str: ...
    def f(x: Any) -> Any:
        return x

    assert node_of("f", f).annotation is Any


def test_a_module_of_functions_pickles_no_graph():
    def f(x: int) -> int:
        return x

    node = node_of("f", f)
    with pytest.raises(Exception, match="pickle"):
        pickle.dumps(node)
