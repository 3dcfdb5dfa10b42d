"""Matrices: constructors, diagonals, transposition, determinants and inverses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from oracle.reference.compounds import Compound, CompoundType
from oracle.reference.definitions.bounds import finite, near, undetermined
from oracle.reference.definitions.products import columns_of, rows_of, sum_of_products
from oracle.reference.definitions.vectors import dtype_of
from oracle.reference.run import LackingError, Run
from oracle.reference.scalars import ScalarType
from oracle.ulp import INSTRUCTIONS

Rows = Sequence[Sequence[Any]]


def make_matrix(run: Run, *values: Any, shape: Any = None, dtype: Any = None) -> Compound:
    """Return `wp.matrix(...)`: zeros, one number everywhere, a number for each element, or a copy."""
    if shape is None and len(values) == 1 and isinstance(values[0], Compound):
        shape = values[0].type.shape
    if shape is None:
        raise LackingError("a matrix without a shape")
    return run.matrix(int(shape[0]), int(shape[1]), dtype_of(run, values, dtype))(*values)


def _construct(run: Run, type_: CompoundType, *values: Any, **named: Any) -> Compound:
    raise LackingError("a matrix made of vectors")


def _from_rows(run: Run, *vectors: Compound) -> Compound:
    items = [item for vector in vectors for item in vector.items]
    return run.matrix(len(vectors), len(vectors[0]), vectors[0].type.scalar).of(items)


def transposed(run: Run, a: Compound) -> Compound:
    """Return the matrix with rows and columns exchanged."""
    rows, columns = a.type.shape
    return run.matrix(columns, rows, a.type.scalar).of([item for column in columns_of(a) for item in column])


def _identity(run: Run, n: Any, dtype: Any) -> Compound:
    size = int(n)
    return run.matrix(size, size, dtype).converted(
        [int(row == column) for row in range(size) for column in range(size)]
    )


def diagonal(run: Run, vec: Compound) -> Compound:
    """Return the matrix with a vector on its diagonal."""
    size, zero = len(vec.items), vec.type.scalar(0)
    items = [vec.items[row] if row == column else zero for row in range(size) for column in range(size)]
    return run.matrix(size, size, vec.type.scalar).of(items)


def _get_diag(run: Run, mat: Compound) -> Compound:
    size = mat.type.shape[0]
    return run.vector(size, mat.type.scalar).of(mat.items[:: size + 1])


def _trace(run: Run, a: Compound) -> Any:
    items = a.items[:: a.type.shape[0] + 1]
    return sum_of_products(run, "trace", a.type.scalar, items, [a.type.scalar(1)] * len(items))


def _ddot(run: Run, a: Compound, b: Compound) -> Any:
    return sum_of_products(run, "ddot", a.type.scalar, a.items, b.items)


def skew(run: Run, vec: Compound) -> Compound:
    """Return the matrix whose product with a vector is the cross product with it."""
    (x, y, z), zero = vec.items, vec.type.scalar(0)
    return run.matrix(3, 3, vec.type.scalar).of([zero, -z, y, z, zero, -x, -y, x, zero])


def minor(rows: Rows, row: int, column: int) -> Rows:
    """Return what is left without a row and a column."""
    return [[*line[:column], *line[column + 1 :]] for place, line in enumerate(rows) if place != row]


def expanded(rows: Rows) -> Any:
    """Return the determinant, expanded along the first row, in the type of the elements."""
    if len(rows) == 1:
        return rows[0][0]
    if len(rows) == 2:
        return rows[0][0] * rows[1][1] - rows[0][1] * rows[1][0]
    total = rows[0][0] * expanded(minor(rows, 0, 0))
    for column in range(1, len(rows)):
        term = rows[0][column] * expanded(minor(rows, 0, column))
        total = total + term if column % 2 == 0 else total - term
    return total


def permanent(rows: Rows) -> float:
    """Return the sum of the sizes of all products that a determinant consists of: what its errors are relative to."""
    if len(rows) == 1:
        return abs(float(rows[0][0]))
    return sum(abs(float(item)) * permanent(minor(rows, 0, column)) for column, item in enumerate(rows[0]))


def _size_of_products(rows: Rows, scalar: ScalarType) -> float:
    """Return what a determinant's errors are relative to, with those of inner products too small to be normal."""
    largest = 1.0 + max(abs(float(item)) for row in rows for item in row)
    lost = scalar.limits.smallest_subnormal / scalar.limits.eps
    for _ in rows[1:]:
        lost *= largest
    return permanent(rows) + lost * len(rows)


def _may_overflow(rows: Rows, scalar: ScalarType) -> bool:
    """Whether a product of as many elements as there are rows may be too large: formulas differ in which they make."""
    reach = 8.0 * len(rows)
    largest = max(1.0, *(abs(float(item)) for row in rows for item in row))
    for _ in rows:
        reach *= largest
    return not reach < scalar.limits.max


def determinant(run: Run, a: Compound) -> Any:
    """Return the determinant; each of its products takes part in fewer than twice as many roundings as factors.

    What infinite and huge elements give depends on the formula: open.
    """
    rows, scalar = rows_of(a), a.type.scalar
    value = expanded(rows)
    if run.noise is None or not scalar.is_float:
        return value
    if _may_overflow(rows, scalar):
        return undetermined(run, "determinant", value, scalar)
    return near(run, "determinant", value, scalar, len(rows), _size_of_products(rows, scalar))


def inverse(run: Run, a: Compound, division: float = 0.0) -> Compound:
    """Return the transposed cofactors over the determinant; of a matrix that may be singular the result is open.

    `division` is the error of a quotient in ULPs, beyond that of IEEE's.
    """
    rows, scalar, size = rows_of(a), a.type.scalar, a.type.shape[0]
    whole = expanded(rows)
    cofactors = [_cofactor(rows, column, row) for row in range(size) for column in range(size)]
    reciprocal = scalar(1) / whole if whole != 0 else scalar(0)
    values = [item * reciprocal for item in cofactors]
    if run.noise is None:
        return a.like(values)
    relative = _size_of_products(rows, scalar) / abs(float(whole)) if whole != 0 else float("inf")
    if _may_overflow(rows, scalar) or not finite(values, [relative]) or relative * scalar.limits.eps * size > 0.25:
        return a.like([undetermined(run, f"inverse {place}", item, scalar) for place, item in enumerate(values)])
    moved = []
    for place, item in enumerate(values):
        row, column = divmod(place, size)
        share = _size_of_products(minor(rows, column, row), scalar) / abs(float(whole)) if size > 1 else 0.0
        magnitude = share + abs(float(item)) * (relative + division)
        moved.append(near(run, f"inverse {place}", item, scalar, size + 2.0, magnitude))
    return a.like(moved)


def _cofactor(rows: Rows, row: int, column: int) -> Any:
    if len(rows) == 1:
        return type(rows[0][0])(1)
    value = expanded(minor(rows, row, column))
    return value if (row + column) % 2 == 0 else -value


def _inverse_approx(run: Run, a: Compound) -> Compound:
    """Return the inverse with the error of the approximate reciprocal; in float64 it is good for float32's digits."""
    scalar = a.type.scalar
    return inverse(run, a, INSTRUCTIONS["approx_rcp" if scalar.bits == 64 else "approx_rcpf"].apart)


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "matrix": make_matrix,
        "construct matrix": _construct,
        "matrix_from_rows": _from_rows,
        "matrix_from_cols": lambda run, *vectors: transposed(run, _from_rows(run, *vectors)),
        "identity": _identity,
        "diag": diagonal,
        "get_diag": _get_diag,
        "transpose": transposed,
        "trace": _trace,
        "ddot": _ddot,
        "skew": skew,
        "determinant": determinant,
        "inverse": inverse,
        "inverse_approx": _inverse_approx,
    }
)
