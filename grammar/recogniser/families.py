"""Which parameters of a source are handles of resources, and of what: a mesh, a bvh, a hash grid, a volume.

A handle is a number that native code follows as a pointer, so only parameters can be handles, whose values the launch
makes. This module reads the whole source for what each of them is a handle of. It refuses what would make that
ambiguous or let a launch's argument differ from what is followed: a handle of two families, one that is computed with,
assigned, stored or returned, and functions with handles that anything but a call by their name would call. So a caller
knows what it must pass before anything runs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from grammar.arguments import RESOURCE_FAMILIES
from grammar.parsing import parsed
from grammar.recogniser.scope import keywords_of, plain_name, refuse, warp_name
from grammar.registry import builtins

_BVH_OF = "mesh_get_bvh"
"""The built-in whose result is a handle."""


@dataclass(frozen=True)
class _Follower:
    """What follows handles: a built-in or a function. `families` are those of its parameters that are handles."""

    parameters: tuple[str, ...]
    families: Mapping[str, str]


@dataclass
class _Handles:
    """The handles of one function: the family of each, and the nodes of the tree that are allowed for them."""

    families: dict[str, str] = field(default_factory=dict)
    allowed: set[int] = field(default_factory=set)


def check_families(tree: ast.Module) -> None:
    """Refuse a module in which a handle is more than passed on; raises RefusedError with the place."""
    _followers_of(tree)


def handle_families(source: str) -> Mapping[str, str]:
    """Return which parameters of a source's kernel are resources, by name, and the family of each.

    The families are those of `grammar.arguments.RESOURCE_FAMILIES`; textures, by their annotation, are among them.
    Raises RefusedError where `check_families` does.
    """
    tree = parsed(source)
    followers = _followers_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and "kernel" in map(_decorator, node.decorator_list):
            return {**followers[node.name].families, **_textures(node)}
    return {}


def _decorator(node: ast.expr) -> str | None:
    return warp_name(node.func if isinstance(node, ast.Call) else node)


def _textures(node: ast.FunctionDef) -> dict[str, str]:
    named = {one.arg: (warp_name(one.annotation) or "").lower() for one in node.args.args if one.annotation}
    return {name: family for name, family in named.items() if family in RESOURCE_FAMILIES}


@cache
def _builtins_that_follow() -> Mapping[str, _Follower]:
    """Return the built-ins with a `wp.uint64` called `id`; every new one of Warp's is among them by itself."""
    found = {}
    for name, builtin in builtins().items():
        for overload in builtin.overloads:
            if ("id", "uint64") in overload.parameters:
                family = next((one for one in RESOURCE_FAMILIES if one in name), "resource unknown here")
                found[name] = _Follower(tuple(key for key, _ in overload.parameters), {"id": family})
    return found


def _followers_of(tree: ast.Module) -> dict[str, _Follower]:
    """Return what each of a module's functions follows; raises RefusedError."""
    followers: dict[str, _Follower] = {}
    for function in _inner_first(tree):
        handles = _handles_in(function, followers)
        parameters = tuple(one.arg for one in function.args.args)
        families = {name: handles.families[name] for name in parameters if name in handles.families}
        if families:
            _check_follower(function)
        if function.name in followers and (families or followers[function.name].families):
            refuse(function, f"{function.name} has two forms, and one of them takes a handle")
        followers[function.name] = _Follower(parameters, families)
    return followers


def _check_follower(function: ast.FunctionDef) -> None:
    """Refuse a function that takes a handle and that anything else than a call by its name would call."""
    arguments = function.args
    if arguments.defaults or arguments.posonlyargs or arguments.vararg or arguments.kwonlyargs or arguments.kwarg:
        refuse(function, f"{function.name} takes a handle, so its parameters are plain and have no defaults")
    if function.name in builtins():
        refuse(function, f"{function.name} is an operator, which takes no handle")
    for decorator in function.decorator_list:
        if _decorator(decorator) not in ("func", "kernel"):
            refuse(decorator, "what stands for another function takes no handle")


def _inner_first(node: ast.AST) -> Iterator[ast.FunctionDef]:
    """Yield functions in the order of the text, those inside another before it."""
    for child in ast.iter_child_nodes(node):
        yield from _inner_first(child)
        if isinstance(child, ast.FunctionDef):
            yield child


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands in a function's body, but not in the functions inside it."""
    for child in node.body if isinstance(node, ast.FunctionDef) else ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef):
            yield child
            yield from _own_nodes(child)


def _handles_in(function: ast.FunctionDef, followers: Mapping[str, _Follower]) -> _Handles:
    """Find the handles of a function by what it passes on, then refuse every other mention of them."""
    handles = _Handles()
    nodes = list(_own_nodes(function))
    parameters = {one.arg for one in function.args.args if one.annotation and warp_name(one.annotation) == "uint64"}
    known = parameters | _derived(nodes, handles)
    for node in nodes:
        if isinstance(node, ast.Call):
            handles.allowed.add(id(node.func))
            follower = _follower(node, followers)
            if follower is not None:
                _check_call(node, follower, known, handles)
    for node in nodes:
        _check_mention(node, followers, handles)
    return handles


def _derived(nodes: list[ast.AST], handles: _Handles) -> set[str]:
    """Return the variables that hold a mesh's bvh; those assignments of it are allowed."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and _is_bvh_of(node.value):
            target = node.targets[0]
            if isinstance(target, ast.Name):
                found.add(target.id)
                handles.families[target.id] = "bvh"
                handles.allowed |= {id(target), id(node.value)}
    return found


def _is_bvh_of(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and warp_name(node.func) == _BVH_OF


def _follower(call: ast.Call, followers: Mapping[str, _Follower]) -> _Follower | None:
    """Return what a call's callee follows, None when that is nothing."""
    name = warp_name(call.func)
    follower = _builtins_that_follow().get(name) if name else followers.get(plain_name(call.func) or "")
    return follower if follower is not None and follower.families else None


def _check_call(call: ast.Call, follower: _Follower, known: set[str], handles: _Handles) -> None:
    """Refuse a call in which what is followed is no handle, or one of another family."""
    given = dict(zip(follower.parameters, call.args, strict=False)) | keywords_of(call)
    for parameter, family in follower.families.items():
        value = given.get(parameter)
        if value is None:
            refuse(call, f"no handle is passed for {parameter}")
        if family == "bvh" and _is_bvh_of(value):
            handles.allowed.add(id(value))
            continue
        handle = plain_name(value)
        if handle is None or handle not in known:
            refuse(value, f"the handle of a {family} is a parameter of type wp.uint64, passed as it is")
        if handles.families.setdefault(handle, family) != family:
            refuse(value, f"{handle} is the handle of a {handles.families[handle]}, not of a {family}")
        handles.allowed.add(id(value))


def _check_mention(node: ast.AST, followers: Mapping[str, _Follower], handles: _Handles) -> None:
    """Refuse a handle, or a function that takes one, where it is not passed on or called."""
    if id(node) in handles.allowed:
        return
    name = plain_name(node) or ""
    if name in handles.families:
        how = "assigned to" if isinstance(getattr(node, "ctx", None), ast.Store) else "used"
        refuse(node, f"{name} is a handle, which is {how} here: it can only be passed on")
    if _is_bvh_of(node):
        refuse(node, f"the result of wp.{_BVH_OF} is a handle, which can only be passed on")
    own = followers.get(name)
    if warp_name(node) in _builtins_that_follow() or (own is not None and own.families):
        refuse(node, "what takes a handle can only be called")
