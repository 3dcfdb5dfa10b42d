"""The reference's vectors, matrices, quaternions and transformations obey algebra, and see where a target does not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import permutations
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import Workspace, open_workspace
from grammar import SeededChoices, generate
from grammar.kernel import Argument
from oracle.backends import cpu
from oracle.inputs import make_inputs
from oracle.opinions import Opinion, Stance
from oracle.parameters import parameters_of
from oracle.reference import Program, launch
from oracle.reference.compounds import Compound
from oracle.reference.definitions import DEFINITIONS, bounds
from oracle.reference.deviations import SVD2_ROTATION, SVD2_SINGULAR
from oracle.reference.language import Language
from oracle.reference.opinion import ROUNDS, consult
from oracle.reference.run import Run

FLOATS = ("float16", "bfloat16", "float32", "float64")
ORDINARY = st.floats(-8.0, 8.0, width=16).filter(lambda x: x == 0.0 or abs(x) > 1e-2)


def numbers(count: int) -> st.SearchStrategy[list[float]]:
    return st.lists(ORDINARY, min_size=count, max_size=count)


UNIT = numbers(4).map(lambda q: np.add(q, [0.0, 0.0, 0.0, 9.0])).map(lambda q: (q / np.linalg.norm(q)).tolist())


def make_run(noise: int | None = None, wide: bool = False, known: frozenset[str] = frozenset()) -> Run:
    return Run(noise=noise, wide=wide, known=known, definitions=DEFINITIONS)


def call(run: Run, name: str, *arguments: Any) -> Any:
    return DEFINITIONS[name](run, *arguments)


def square(run: Run, items: Sequence[float], scalar: str) -> Compound:
    size = math.isqrt(len(items))
    return run.matrix(size, size, run.scalars[scalar]).converted(items)


def vector(run: Run, items: Sequence[float], scalar: str = "float64") -> Compound:
    return run.vector(len(items), run.scalars[scalar]).converted(items)


def quaternion(run: Run, items: Sequence[float], scalar: str = "float64") -> Compound:
    return run.quaternion(run.scalars[scalar]).converted(items)


def exact(value: Any) -> Fraction:
    return Fraction(float(value))


def assert_near(value: Any, truth: Fraction, run: Run, scalar: str, ulps: float, size: Fraction) -> None:
    limits = run.scalars[scalar].limits
    assert abs(exact(value) - truth) <= Fraction(ulps * limits.eps) * size + Fraction(64 * limits.smallest_subnormal)


def array(value: Compound) -> np.ndarray:
    return np.array([float(item) for item in value.items]).reshape(value.type.shape)


@pytest.mark.parametrize("scalar", FLOATS)
@settings(deadline=None, max_examples=25)
@given(numbers(4), numbers(4), st.sampled_from([None, 1, 7]))
def test_a_dot_product_is_within_its_bound_of_the_exact_one(scalar, a, b, noise):
    run = make_run(noise)
    first, second = vector(run, a, scalar), vector(run, b, scalar)
    products = [exact(x) * exact(y) for x, y in zip(first.items, second.items, strict=True)]
    value = call(run, "dot", first, second)
    assert_near(value, sum(products, Fraction(0)), run, scalar, 4.0, sum(map(abs, products), Fraction(0)))


@pytest.mark.parametrize("size", [2, 3, 4])
@settings(deadline=None, max_examples=15)
@given(st.data())
def test_a_determinant_is_within_its_bound_of_the_exact_one(size, data):
    run = make_run(data.draw(st.sampled_from([None, 1, 7])))
    matrix = square(run, data.draw(numbers(size * size)), "float32")
    rows = np.array([exact(item) for item in matrix.items], object).reshape(size, size)
    terms = [_sign(order) * math.prod(rows[place, order[place]] for place in range(size)) for order in _orders(size)]
    value = call(run, "determinant", matrix)
    reach = sum(map(abs, terms), Fraction(1, 10**30))  # not zero: inner products may be too small to be normal
    assert_near(value, sum(terms, Fraction(0)), run, "float32", 2.0 * size, reach)


def _orders(size: int) -> list[tuple[int, ...]]:
    return list(permutations(range(size)))


def _sign(order: Sequence[int]) -> int:
    return round(float(np.linalg.det(np.eye(len(order))[list(order)])))


@settings(deadline=None, max_examples=40)
@given(numbers(6), numbers(6), st.sampled_from([None, 2]))
def test_a_matrix_product_is_within_its_bound_of_the_exact_one(a, b, noise):
    run = make_run(noise)
    scalar = run.scalars["float32"]
    first, second = run.matrix(2, 3, scalar).converted(a), run.matrix(3, 2, scalar).converted(b)
    product = call(run, "mul", first, second)
    assert product.type.shape == (2, 2)
    for row in range(2):
        for column in range(2):
            terms = [exact(first[row, k]) * exact(second[k, column]) for k in range(3)]
            size = sum(map(abs, terms), Fraction(0))
            assert_near(product[row, column], sum(terms, Fraction(0)), run, "float32", 3.0, size)


@pytest.mark.parametrize("size", [2, 3, 4])
@settings(deadline=None, max_examples=15)
@given(st.data())
def test_an_inverse_times_its_matrix_is_the_identity(size, data):
    run = make_run(data.draw(st.sampled_from([None, 3, 8])))
    items = np.array(data.draw(numbers(size * size))).reshape(size, size) + 40.0 * np.eye(size)
    matrix = square(run, items.ravel().tolist(), "float64")
    inverse = call(run, "inverse", matrix)
    assert np.allclose(array(matrix) @ array(inverse), np.eye(size), atol=1e-12)


@pytest.mark.parametrize(("scalar", "wrap"), [("int8", 2**8), ("uint16", 2**16), ("int32", 2**32)])
@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(-128, 127), min_size=9, max_size=9), st.lists(st.integers(0, 127), min_size=9, max_size=9))
def test_integers_wrap_around_in_products_and_determinants(scalar, wrap, a, b):
    run = make_run()
    with np.errstate(all="ignore"):
        first, second = square(run, a, scalar), square(run, b, scalar)
        product, determinant = call(run, "mul", first, second), call(run, "determinant", first)
    plain = [[sum(a[3 * i + k] * b[3 * k + j] for k in range(3)) for j in range(3)] for i in range(3)]
    assert [int(item) % wrap for item in product.items] == [item % wrap for row in plain for item in row]
    terms = [_sign(order) * math.prod(a[3 * i + order[i]] for i in range(3)) for order in _orders(3)]
    assert int(determinant) % wrap == sum(terms) % wrap


@settings(deadline=None, max_examples=40)
@given(UNIT, UNIT, numbers(3))
def test_a_product_of_quaternions_rotates_by_the_second_and_then_the_first(a, b, v):
    run = make_run(wide=True)
    p, q, vec = quaternion(run, a), quaternion(run, b), vector(run, v)
    at_once = call(run, "quat_rotate", call(run, "mul", p, q), vec)
    one_by_one = call(run, "quat_rotate", p, call(run, "quat_rotate", q, vec))
    assert np.allclose(array(at_once), array(one_by_one), atol=1e-12)
    assert np.allclose(array(call(run, "quat_rotate_inv", q, call(run, "quat_rotate", q, vec))), v, atol=1e-12)
    assert np.allclose(array(call(run, "mul", call(run, "quat_to_matrix", q), vec)), array(one_by_one_of(run, q, vec)))


def one_by_one_of(run: Run, q: Compound, vec: Compound) -> Compound:
    """Return the vector part of `q v q*`."""
    real = run.quaternion(vec.type.scalar).converted([*vec.items, 0])
    product = call(run, "mul", call(run, "mul", q, real), call(run, "quat_inverse", q))
    return vec.like(product.items[:3])


def test_the_units_of_quaternions_multiply_as_hamilton_wrote():
    run = make_run()
    i, j, k, real = (quaternion(run, np.eye(4)[place].tolist()) for place in range(4))
    assert call(run, "mul", i, j) == k
    assert call(run, "mul", j, k) == i
    assert call(run, "mul", k, i) == j
    assert call(run, "mul", j, i) == -k
    assert all(call(run, "mul", unit, unit) == -real for unit in (i, j, k))


@settings(deadline=None, max_examples=40)
@given(numbers(3), UNIT, numbers(3), UNIT, numbers(3))
def test_transformations_compose_and_invert(p, q, r, s, v):
    run = make_run(wide=True)
    scalar = run.scalars["float64"]
    a = run.transform(scalar)(vector(run, p), quaternion(run, q))
    b = run.transform(scalar)(vector(run, r), quaternion(run, s))
    point = vector(run, v)
    both = call(run, "transform_point", call(run, "mul", a, b), point)
    moved = call(run, "transform_point", a, call(run, "transform_point", b, point))
    assert np.allclose(array(both), array(moved), atol=1e-10)
    back = call(run, "transform_point", call(run, "transform_inverse", a), call(run, "transform_point", a, point))
    assert np.allclose(array(back), v, atol=1e-10)
    by_matrix = call(run, "transform_point", call(run, "transform_to_matrix", a), point)
    assert np.allclose(array(by_matrix), array(call(run, "transform_point", a, point)), atol=1e-10)


ROUND_TRIPS: Mapping[str, Callable[[Run, Compound], Compound]] = {
    "matrix": lambda run, q: call(run, "quat_from_matrix", call(run, "quat_to_matrix", q)),
    "axis and angle": lambda run, q: call(run, "quat_from_axis_angle", *call(run, "quat_to_axis_angle", q)),
    "roll, pitch, yaw": lambda run, q: call(run, "quat_rpy", *call(run, "quat_to_rpy", q).items),
    "Euler 0 1 2": lambda run, q: call(run, "quat_from_euler", call(run, "quat_to_euler", q, 0, 1, 2), 0, 1, 2),
    "Euler 1 0 2": lambda run, q: call(run, "quat_from_euler", call(run, "quat_to_euler", q, 1, 0, 2), 1, 0, 2),
    "Euler 2 0 1": lambda run, q: call(run, "quat_from_euler", call(run, "quat_to_euler", q, 2, 0, 1), 2, 0, 1),
}


@pytest.mark.parametrize("way", ROUND_TRIPS)
@settings(deadline=None, max_examples=20)
@given(UNIT)
def test_rotations_come_back_from_every_form(way, q):
    run = make_run(wide=True)
    given_ = quaternion(run, q)
    assume(abs(2.0 * (q[3] * q[1] - q[2] * q[0])) < 0.99)  # no gimbal lock
    assume(np.linalg.norm(q[:3]) > 1e-3)  # an axis
    assert abs(np.dot(array(ROUND_TRIPS[way](run, given_)), q)) == pytest.approx(1.0, abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(numbers(3), numbers(3), UNIT)
def test_a_twist_about_an_axis_leaves_it_where_it_is(axis, v, q):
    run = make_run(wide=True)
    assume(np.linalg.norm(axis) > 0.1)
    unit = call(run, "normalize", vector(run, axis))
    twist = call(run, "quat_twist", unit, quaternion(run, q))
    assert np.allclose(array(call(run, "quat_rotate", twist, unit)), array(unit), atol=1e-9)
    angle = call(run, "quat_twist_angle_signed", unit, quaternion(run, q))
    again = call(run, "quat_from_axis_angle", unit, angle)
    assert abs(np.dot(array(again), array(twist))) == pytest.approx(1.0, abs=1e-9)


FACTORS: Mapping[str, Callable[..., np.ndarray]] = {
    "svd2": lambda u, s, v: u @ np.diag(s) @ v.T,
    "svd3": lambda u, s, v: u @ np.diag(s) @ v.T,
    "qr3": lambda q, r: q @ r,
    "eig3": lambda q, d: q @ np.diag(d) @ q.T,
}


@pytest.mark.parametrize("name", FACTORS)
@settings(deadline=None, max_examples=15)
@given(st.data())
def test_factors_give_their_matrix_whatever_is_drawn_of_what_is_open(name, data):
    size = int(name[-1])
    items = np.array(data.draw(numbers(size * size))).reshape(size, size) + 10.0 * np.eye(size)
    items = items + items.T if name == "eig3" else items
    for noise in (None, 1, 6, 7):
        run = make_run(noise)
        factors = [array(factor) for factor in call(run, name, square(run, items.ravel().tolist(), "float64"))]
        assert np.allclose(FACTORS[name](*factors), items, atol=1e-9)
        if name != "svd2":
            assert np.linalg.det(factors[0]) == pytest.approx(1.0)


def test_known_deviations_of_svd2_make_open_what_they_concern():
    rotation, singular, plain = [0.0, 1.0, -1.0, 0.0], [0.1, 0.5, 0.2, 1.0], [3.0, 0.0, 4.0, 5.0]

    def is_open(items: list[float], *known: str) -> bool:
        run = make_run(noise=7, known=frozenset(known))
        return not np.isfinite(array(call(run, "svd2", square(run, items, "float32"))[0])).all()

    assert is_open(rotation, SVD2_ROTATION)
    assert is_open(singular, SVD2_SINGULAR)
    assert not is_open(rotation, SVD2_SINGULAR)
    assert not is_open(singular, SVD2_ROTATION)
    assert not is_open(plain, SVD2_ROTATION, SVD2_SINGULAR)


def test_the_first_round_of_noise_is_about_rounding_alone():
    assert ROUNDS[0].stop == bounds.FIRST_OPEN
    for noise, count in ((1, 4), (7, 0)):
        run = make_run(noise)
        singular = call(run, "inverse", square(run, [1.0, 2.0, 2.0, 4.0], "float32"))
        assert np.isfinite(array(singular)).sum() == count


EDGES = st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan, 3e38, 1e-45, 1e308, 5e-324, 65504.0, 6e-8, 0.5])
TAKEN: Mapping[str, Sequence[Any]] = {
    **dict.fromkeys(("length", "normalize", "argmin", "norm_l1", "norm_huber", "smooth_normalize", "skew"), (3,)),
    **dict.fromkeys(("dot", "cross", "outer"), (3, 3)),
    **dict.fromkeys(("determinant", "inverse", "svd3", "qr3", "eig3", "quat_from_matrix"), ((3, 3),)),
    **dict.fromkeys(("inverse_approx", "transform_from_matrix", "transform_decompose"), ((4, 4),)),
    **dict.fromkeys(("quat_to_axis_angle", "quat_to_matrix", "quat_to_rpy", "normalize"), ("q",)),
    **dict.fromkeys(("quat_twist", "quat_twist_angle", "quat_twist_angle_signed"), (3, "q")),
    **dict.fromkeys(("transform_inverse", "transform_to_matrix"), ("t",)),
    **dict.fromkeys(("spatial_cross", "spatial_cross_dual"), (6, 6)),
    **dict.fromkeys(("transform_twist", "transform_wrench"), ("t", 6)),
    "svd2": [(2, 2)],
    "mul": [(3, 3), (3, 3)],
    "quat_rotate": ["q", 3],
    "quat_rpy": [None, None, None],
    "quat_from_axis_angle": [3, None],
    "quat_slerp": ["q", "q", None],
    "transform_multiply": ["t", "t"],
    "transform_point": ["t", 3],
    "transform_vector": [(4, 4), 3],
    "transform_compose": [3, "q", 3],
}
"""What definitions take: a length, a shape, a quaternion, a transformation, or a number."""


@pytest.mark.parametrize("name", TAKEN)
@settings(deadline=None, max_examples=12)
@given(st.data())
def test_no_numbers_make_a_definition_fail(name, data):
    run = make_run(data.draw(st.sampled_from([None, 1, 7, 8])), data.draw(st.booleans()))
    scalar = run.scalars[data.draw(st.sampled_from(FLOATS))]

    def value(kind: Any) -> Any:
        types: Mapping[Any, Any] = {"q": run.quaternion(scalar), "t": run.transform(scalar), None: scalar}
        if kind in types:
            type_ = types[kind]
        else:
            type_ = run.vector(kind, scalar) if isinstance(kind, int) else run.matrix(*kind, scalar)
        count = 1 if kind is None else type_.size
        items = data.draw(st.lists(EDGES | ORDINARY, min_size=count, max_size=count))
        return scalar(items[0]) if kind is None else type_.converted(items)

    with np.errstate(all="ignore"):
        found = call(run, name, *map(value, TAKEN[name]))
    parts = found if isinstance(found, tuple) else (found,)
    assert all(run.scalar_of(part) is not None for part in parts)


CONSTRUCTORS: Mapping[str, Sequence[float]] = {
    "wp.vec3(4.0)": [4, 4, 4],
    "wp.vec2()": [0, 0],
    "wp.vec3(wp.vec3(1.0, 2.0, 3.0))": [1, 2, 3],
    "wp.vector(1.0, 2.0, 3.0)": [1, 2, 3],
    "wp.vector(7.0, length=2, dtype=wp.float64)": [7, 7],
    "wp.matrix(1.0, 2.0, 3.0, 4.0, shape=(2, 2), dtype=float)": [1, 2, 3, 4],
    "wp.matrix(shape=(1, 2), dtype=float)": [0, 0],
    "wp.matrix_from_rows(wp.vec2(1.0, 2.0), wp.vec2(3.0, 4.0))": [1, 2, 3, 4],
    "wp.matrix_from_cols(wp.vec2(1.0, 2.0), wp.vec2(3.0, 4.0))": [1, 3, 2, 4],
    "wp.identity(n=2, dtype=float)": [1, 0, 0, 1],
    "wp.diag(wp.vec2(1.0, 2.0))": [1, 0, 0, 2],
    "wp.skew(wp.vec3(1.0, 2.0, 3.0))": [0, -3, 2, 3, 0, -1, -2, 1, 0],
    "wp.outer(wp.vec2(1.0, 2.0), wp.vec2(3.0, 4.0))": [3, 4, 6, 8],
    "wp.quat(wp.vec3(1.0, 2.0, 3.0), 4.0)": [1, 2, 3, 4],
    "wp.quaternion(1.0, 2.0, 3.0, 4.0, dtype=wp.float64)": [1, 2, 3, 4],
    "wp.quat_identity()": [0, 0, 0, 1],
    "wp.transform(wp.vec3(1.0, 2.0, 3.0))": [1, 2, 3, 0, 0, 0, 1],
    "wp.transform(p=wp.vec3(1.0), q=wp.quat_identity())": [1, 1, 1, 0, 0, 0, 1],
    "wp.transform_identity(dtype=wp.float64)": [0, 0, 0, 0, 0, 0, 1],
    "wp.transformation(2.0)": [2] * 7,
    "wp.spatial_vector(wp.vec3(1.0, 2.0, 3.0), wp.vec3(4.0, 5.0, 6.0))": [1, 2, 3, 4, 5, 6],
    "wp.spatial_vector(w=wp.vec3(1.0), v=wp.vec3(2.0))": [1, 1, 1, 2, 2, 2],
    "wp.spatial_top(wp.spatial_vector(1.0, 2.0, 3.0, 4.0, 5.0, 6.0))": [1, 2, 3],
    "wp.get_diag(wp.mat22(1.0, 2.0, 3.0, 4.0))": [1, 4],
    "wp.transpose(wp.mat22(1.0, 2.0, 3.0, 4.0))": [1, 3, 2, 4],
    "wp.normalize(wp.vec2())": [0, 0],
    "wp.normalize(wp.quat())": [0, 0, 0, 1],
}


@pytest.mark.parametrize("expression", CONSTRUCTORS)
def test_constructors_and_parts_are_what_is_documented(expression):
    run = make_run()
    value = eval(expression, {"wp": Language(run), "float": run.scalars["float32"]})
    assert [float(item) for item in value.items] == list(CONSTRUCTORS[expression])


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


def test_kernels_of_vectors_matrices_and_transformations_agree_with_the_cpu(workspace):
    categories = ("vector", "matrix", "transform", "rigid_body")
    kernels = [generate(SeededChoices(f"linear/{seed}"), categories[seed % 4]) for seed in range(12)]
    options = CompileOptions(backward=False, cuda_level=0)
    stances = []
    with compile_batch([kernel.source for kernel in kernels], options, workspace) as batch:
        for kernel, compiled in zip(kernels, batch.results, strict=True):
            assert isinstance(compiled, Compiled)
            inputs = make_inputs(compiled.kernel, kernel.arguments, 1)
            program = Program.of(kernel.source, parameters_of(compiled.kernel))
            reference = consult(program, kernel.dims, inputs)
            assert not isinstance(reference, Opinion), reference
            opinion = reference.opinion("cpu", cpu.run(compiled, kernel.dims, inputs, False))
            assert opinion.stance is not Stance.ACCUSES, kernel.source
            stances.append(opinion.stance)
    assert stances.count(Stance.AGREES) > len(stances) / 2


SOURCE = dedent(
    """
    import warp as wp


    @wp.kernel
    def work(
        a: wp.array(dtype=wp.vec3),
        m: wp.array(dtype=wp.mat33),
        q: wp.array(dtype=wp.quat),
        out: wp.array2d(dtype=wp.vec3),
    ):
        i = wp.tid()
        turn = wp.normalize(q[i])
        out[0, i] = wp.cross(a[i], m[i][1])
        out[1, i] = m[i] * a[i] + wp.vec3(wp.dot(a[i], m[i][0]))
        out[2, i] = wp.quat_rotate(turn, a[i])
        out[3, i] = wp.vec3(wp.determinant(m[i] + wp.identity(n=3, dtype=float)))
        out[4, i] = wp.inverse(m[i] + 90.0 * wp.identity(n=3, dtype=float)) * a[i]
        out[5, i] = wp.quat_rotate_inv(turn * turn, a[i])
        axis = wp.vec3()
        angle = float(0.0)
        wp.quat_to_axis_angle(turn, axis, angle)
        out[6, i] = axis * angle
    """
)
ARGUMENTS = tuple(Argument(name, shape=(7, 8) if name == "out" else (8,)) for name in ("a", "m", "q", "out"))


def _swapped(definition: Callable[..., Any]) -> Callable[..., Any]:
    def define(run: Run, *arguments: Any) -> Any:
        found = definition(run, *arguments)
        return found.like([found.items[1], found.items[0], *found.items[2:]])

    return define


def _without_last_term(run: Run, a: Compound, b: Compound) -> Any:
    return DEFINITIONS["dot"](run, run.vector(2, a.type.scalar).of(a.items[:2]), b.like(b.items[:2]))


def _scaled(definition: Callable[..., Any]) -> Callable[..., Any]:
    return lambda run, a: definition(run, a) * a.type.scalar(1.0 + 1e-4)


def _transposed(definition: Callable[..., Any]) -> Callable[..., Any]:
    return lambda run, *arguments: DEFINITIONS["transpose"](run, definition(run, *arguments))


def _conjugate_missing(run: Run, quat: Compound, vec: Compound) -> Any:
    return DEFINITIONS["quat_rotate"](run, quat, vec)


FAULTS: Mapping[str, tuple[str, Callable[..., Any]]] = {
    "components swapped": ("cross", _swapped(DEFINITIONS["cross"])),
    "a term dropped": ("dot", _without_last_term),
    "slightly too large": ("determinant", _scaled(DEFINITIONS["determinant"])),
    "transposed": ("inverse", _transposed(DEFINITIONS["inverse"])),
    "not conjugated": ("quat_rotate_inv", _conjugate_missing),
    "rotated wrongly": ("quat_rotate", _swapped(DEFINITIONS["quat_rotate"])),
}


def test_a_definition_made_wrong_on_purpose_accuses(workspace, monkeypatch):
    with compile_batch([SOURCE], CompileOptions(backward=False, cuda_level=0), workspace) as batch:
        (compiled,) = batch.results
        assert isinstance(compiled, Compiled)
        inputs = make_inputs(compiled.kernel, ARGUMENTS, 1)
        observed = cpu.run(compiled, (8,), inputs, False)
        program = Program.of(SOURCE, parameters_of(compiled.kernel))

        def stance(changed: Mapping[str, Callable[..., Any]]) -> Stance:
            monkeypatch.setattr(launch, "DEFINITIONS", {**DEFINITIONS, **changed})
            reference = consult(program, (8,), inputs)
            assert not isinstance(reference, Opinion), reference
            return reference.opinion("cpu", observed).stance

        assert stance({}) is Stance.AGREES
        for what, (name, wrong) in FAULTS.items():
            assert stance({name: wrong}) is Stance.ACCUSES, what
