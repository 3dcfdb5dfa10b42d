"""A launch of a kernel by the reference: its own Python, thread by thread, on copies of the inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import CodeType
from typing import Any

import numpy as np

from oracle.floats import BFLOAT16, is_float, numbers, rounded
from oracle.inputs import Inputs
from oracle.observation import Observation
from oracle.parameters import Array as ArrayParameter
from oracle.parameters import Parameter, Plain, Struct, Type, leaves_of
from oracle.reference.arrays import Array, Audit, OutOfBounds
from oracle.reference.blocks import operators, run_blocks
from oracle.reference.definitions import DEFINITIONS
from oracle.reference.language import Language
from oracle.reference.namespace import namespace
from oracle.reference.run import Decision, LackingError, Run, TooLongError
from oracle.reference.scalars import Undefined
from oracle.reference.structs import StructType
from oracle.reference.translate import translate
from oracle.resources import ResourceInput

NO_OPINION = (LackingError, TooLongError, Undefined, OutOfBounds)
"""Why the reference may have nothing to say about a kernel: it lacks something, or the kernel is not well-defined."""


_LACKING = ("texture", "hash_grid")
"""The families of resources of which nothing is defined."""


@dataclass(frozen=True)
class Program:
    """A kernel's source, translated and compiled; `parameters` are those of the kernel that Warp loaded."""

    source: str
    code: CodeType
    parameters: tuple[Parameter, ...]

    @classmethod
    def of(cls, source: str, parameters: Sequence[Parameter]) -> Program:
        """Translate a source that the recogniser has accepted: launching the program executes it."""
        code = compile(translate(source), "<reference>", "exec", dont_inherit=True)
        return cls(source, code, tuple(parameters))


@dataclass(frozen=True)
class Evaluation:
    """What the reference saw: the leaves after the launch, and what happened on the way.

    `values` of a wide evaluation are float64 where the kernel has floats. `decisions` are the tests of all threads in
    their order, if they were traced; `steps` counts them and the trips of loops. `overwrites` says whether some element
    was both read and stored to, if that was audited.
    """

    observation: Observation
    decisions: tuple[Decision, ...]
    steps: int = 0
    overwrites: bool = False


def evaluate(
    program: Program,
    dims: Sequence[int],
    inputs: Inputs,
    *,
    wide: bool = False,
    noise: int | None = None,
    traced: bool = False,
    audited: bool = False,
    leaves: Mapping[str, np.ndarray] | None = None,
    block_dim: int = 0,
    known: frozenset[str] = frozenset(),
) -> Evaluation:
    """Run the kernel over `dims`, and return what it left in its arrays.

    `wide` evaluates floats as float64; `noise` is the seed of moved results (`Run.rounded`). `traced` notes the tests
    that threads make, `audited` what they read and store. `leaves` replaces the inputs' leaves of those paths, for
    derivatives. With a `block_dim`, each point of `dims` is a block of that many threads. `known` names Warp's
    deviations to follow (`oracle.reference.deviations`). Raises one of NO_OPINION.
    """
    run = Run(wide=wide, noise=noise, traced=traced, known=known, dims=tuple(dims), definitions=DEFINITIONS)
    language = Language(run)
    names = namespace(run, language)
    with np.errstate(all="ignore"):
        exec(program.code, names)
        kernel = _only(language.kernels)
        audit = Audit() if audited else None
        binder = _Binder(run, names, leaves or {}, audit)
        arguments = [binder.value(one.name, one.type, inputs.values[one.name]) for one in program.parameters]
        if block_dim:
            names.update(operators(run, names))
            run_blocks(run, kernel, arguments, block_dim, program.source, partial(getattr, language))
        else:
            _run_threads(run, kernel, arguments)
    overwrites = audit is not None and audit.overwrites
    return Evaluation(Observation(binder.observed()), tuple(run.decisions), run.steps, overwrites)


def _run_threads(run: Run, kernel: Callable[..., Any], arguments: Sequence[Any]) -> None:
    for thread in np.ndindex(*run.dims):
        run.thread = thread
        kernel(*map(run.own, arguments))


def _only(kernels: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    (kernel,) = kernels.values()
    return kernel


class _Binder:
    """Makes the kernel's arguments from the inputs, and keeps the arrays to read the results from."""

    def __init__(
        self, run: Run, namespace: Mapping[str, Any], replaced: Mapping[str, np.ndarray], audit: Audit | None
    ) -> None:
        self._run = run
        self._namespace = namespace
        self._replaced = replaced
        self._leaves: dict[str, tuple[np.ndarray, np.dtype]] = {}
        self._audit = audit

    def value(self, path: str, kind: Type, value: Any) -> Any:
        """Return the argument, or the part of one, at a path."""
        if isinstance(value, ResourceInput):
            return self._handle(value)
        if isinstance(kind, ArrayParameter):
            return self._array(path, kind, value)
        if isinstance(kind, Plain):
            scalar = self._scalar(kind.scalar)
            if not kind.shape:
                return scalar(numbers(value).item())
            return self._compound(kind).converted(numbers(value).ravel().tolist())
        if isinstance(kind, Struct):
            fields = {name: self.value(f"{path}.{name}", part, value[name]) for name, part in kind.fields.items()}
            return self._struct(kind)(**fields)
        raise LackingError("a texture")

    def _handle(self, given: ResourceInput) -> Any:
        """Return the number that stands for a resource."""
        if given.written or given.word.startswith(_LACKING):
            raise LackingError(f"{given.word}{' that is stored to' if given.written else ''}")
        handle = np.uint64(len(self._run.resources) + 1)
        self._run.resources[int(handle)] = given
        return handle

    def _scalar(self, dtype: np.dtype) -> Any:
        return self._run.scalars["bfloat16" if dtype == BFLOAT16 else dtype.name]

    def _compound(self, kind: Plain) -> Any:
        family = _family(kind)
        return self._run.compound(family, self._scalar(kind.scalar), kind.shape)

    def _struct(self, kind: Struct) -> StructType:
        """Return the source's own struct of that name."""
        found = self._namespace[_struct_name(kind)]
        assert isinstance(found, StructType)
        return found

    def _element(self, kind: Plain | Struct) -> Any:
        if isinstance(kind, Struct):
            return self._struct(kind)
        return self._compound(kind) if kind.shape else self._scalar(kind.scalar)

    def _array(self, path: str, kind: ArrayParameter, value: np.ndarray) -> Array:
        leaves = {}
        for leaf, part in leaves_of(path, kind.element, value):
            computed = np.array(self._replaced.get(leaf, numbers(part)))
            if is_float(part.dtype) and self._run.wide:
                computed = computed.astype(np.float64)
            field = leaf.removeprefix(path).lstrip(".")
            leaves[field] = computed
            self._leaves[leaf] = computed, part.dtype
        return Array(self._element(kind.element), leaves, kind.rank, self._audit)

    def observed(self) -> dict[str, np.ndarray]:
        """Return every leaf as it is now, in the dtype that it has on the back ends unless floats are wide."""
        return {
            leaf: values if self._run.wide or dtype.kind != "V" else rounded(values, dtype)
            for leaf, (values, dtype) in self._leaves.items()
        }


def _family(kind: Plain) -> str:
    """Return which family of compounds a plain type of several components belongs to."""
    generic = getattr(kind.warp_type, "_wp_generic_type_str_", "")
    names = {"quat_t": "quaternion", "transform_t": "transform", "mat_t": "matrix", "vec_t": "vector"}
    return names[generic]


def _struct_name(kind: Struct) -> str:
    return str(kind.warp_type.key).rpartition(".")[2]
