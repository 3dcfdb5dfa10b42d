"""From an edited tree to a kernel, or to nothing: what is dead goes, and what is not in the grammar or the category."""

from __future__ import annotations

import libcst as cst

from grammar import categories, limits, visiting
from grammar.canonical import kernel_id
from grammar.kernel import Argument, Kernel
from grammar.mutation.parent import Parent
from grammar.mutation.subject import Edit, Subject
from grammar.mutation.tree import decorator_of, name_of, names_in, walk
from grammar.recogniser import accept

MOST_LINES = 400
"""Lines of the largest mutant: chains of mutations would grow without end otherwise."""


def finished(subject: Subject, edit: Edit) -> Kernel | None:
    """Return the kernel of an edit; None for one that is the parent, outside the grammar or outside the category.

    Where nothing tells that Warp's backward pass is right, the kernel does without one.
    """
    parent = subject.parent
    module = without_unused(edit.module, subject)
    source = module.code
    if source.count("\n") > MOST_LINES or _changes_constants(module) - _changes_constants(subject.tree.module):
        return None
    if accept(source) is not None or kernel_id(source) == kernel_id(parent.source):
        return None
    if not categories.contains(parent.category, module):
        return None
    features = {*parent.features, *edit.features}
    if subject.has_backward and not limits.keeps_backward(source):
        module = without_backward(module)
        features.add("option:enable_backward")
        if accept(module.code) is not None:
            return None
    arguments = _arguments(parent, edit, module)
    return Kernel(
        name=parent.name,
        tree=module,
        category=parent.category,
        description=parent.description,
        dims=parent.dims,
        arguments=arguments,
        features=tuple(sorted(features)),
        block_dim=parent.block_dim,
        lanes=parent.lanes,
    )


def _arguments(parent: Parent, edit: Edit, module: cst.Module) -> tuple[Argument, ...]:
    """Return the arguments in the order of the parameters, each with those for the arrays inside it."""
    kernel = kernel_of(module)
    names = {one.name.value for one in kernel.params.params}
    return tuple(one for one in (*parent.arguments, *edit.arguments) if one.name.partition(".")[0] in names)


def kernel_of(module: cst.Module) -> cst.FunctionDef:
    """Return the module's kernel; raises StopIteration for a module without one."""
    return next(one for one in module.body if isinstance(one, cst.FunctionDef) and decorator_of(one) == "kernel")


def without_backward(module: cst.Module) -> cst.Module:
    """Return the module with `enable_backward=False` in the kernel's decorator."""
    option = cst.Arg(
        cst.Name("False"),
        keyword=cst.Name("enable_backward"),
        equal=cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace("")),
    )
    kernel = kernel_of(module)
    first = kernel.decorators[0]
    old = first.decorator.args if isinstance(first.decorator, cst.Call) else ()
    kept = [
        one.with_changes(comma=cst.MaybeSentinel.DEFAULT) for one in old if name_of(one.keyword) != "enable_backward"
    ]
    call = cst.Call(cst.Attribute(cst.Name("wp"), cst.Name("kernel")), [*kept, option])
    changed = kernel.with_changes(decorators=[first.with_changes(decorator=call), *kernel.decorators[1:]])
    return module.with_changes(body=[changed if node is kernel else node for node in module.body])


def without_unused(module: cst.Module, subject: Subject) -> cst.Module:
    """Return the module without the functions, and the kernel's parameters, that nothing mentions any more."""
    called = subject.called
    body = list(module.body)
    for node in reversed(list(body)):
        if isinstance(node, cst.FunctionDef) and node.name.value in called:
            others = (name for other in body if other is not node for name in visiting.names_in(other))
            if node.name.value not in others:
                body.remove(node)
    module = module.with_changes(body=body)
    return module if subject.is_generic else _without_unused_parameters(module)


def _without_unused_parameters(module: cst.Module) -> cst.Module:
    kernel = kernel_of(module)
    used = names_in(kernel.body)
    kept = [one for one in kernel.params.params if one.name.value in used]
    if len(kept) == len(kernel.params.params) or not kept:
        return module
    kept[-1] = kept[-1].with_changes(comma=kernel.params.params[-1].comma)
    changed = kernel.with_changes(params=kernel.params.with_changes(params=kept))
    return module.with_changes(body=[changed if node is kernel else node for node in module.body])


def _changes_constants(module: cst.Module) -> set[str]:
    """Return the variables that begin as a bare literal and change, which Warp refuses in loops, by function."""
    found = set()
    for function in (one for one in module.body if isinstance(one, cst.FunctionDef)):
        stored: dict[str, int] = {}
        bare: set[str] = set()
        for node in walk(function):
            match node:
                case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value):
                    stored[name] = stored.get(name, 0) + 1
                    if _is_bare(value):
                        bare.add(name)
                case cst.AugAssign(target=cst.Name(value=name)):
                    stored[name] = stored.get(name, 0) + 1
        found |= {f"{function.name.value}.{name}" for name in bare if stored[name] > 1}
    return found


def _is_bare(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.UnaryOperation):
        node = node.expression
    is_name = isinstance(node, cst.Name) and (node.value.isupper() or node.value in ("True", "False"))
    return is_name or isinstance(node, cst.Integer | cst.Float | cst.Attribute)
