"""Hand-written kernels that use what Warp compiles, construct by construct; tests rename, mutate and compile them."""

from __future__ import annotations

HEAD = "import warp as wp\n"

STRUCTS = '''"""Boids in a box."""
import warp as wp

vec5 = wp.types.vector(length=5, dtype=wp.float64)
mat23 = wp.types.matrix(shape=(2, 3), dtype=float)


@wp.struct
class Pose:
    place: wp.transform
    x: wp.vec3


@wp.struct
class Boid:
    """One of the flock."""

    pose: Pose
    weights: wp.array(dtype=float)
    load: mat23


@wp.struct
class Settings:
    step: float
    limit: wp.int64


SETTINGS = Settings()
SETTINGS.step = 0.5
SETTINGS.limit = 1 << 40


@wp.func
def moved(boid: Boid, by: wp.vec3) -> Boid:
    """Move a boid."""
    boid.pose.x = boid.pose.x + by * wp.static(SETTINGS.step)
    return boid


@wp.func
def add(a: Pose, b: Pose) -> Pose:
    return Pose(a.place * b.place, a.x + b.x)


@wp.kernel
def flock(boids: wp.array(dtype=Boid), grid: wp.indexedarray2d(dtype=Pose), out: wp.array4d(dtype=wp.vec3)):
    i = wp.tid()
    boid = moved(boids[i], wp.vec3(1.0, 2.0, -0.5))
    both = boid.pose + grid[i, 0]
    first, second = 2.0 * boid.pose.x, -both.x
    first, second = second, first
    boid.weights[0] = (boid.pose + both).x[1] + boid.load[1, -1]
    row = boid.load[0]
    row[0:2] = row[1:3]
    out[i, 0, 0, 0].x += wp.transform_get_translation(both.place).x + first[0] - second.y
    v = vec5(1.0, 2.0, 3.0, 4.0, wp.float64(row[2]))
    out[i, 0, 0, 0] = wp.vec3(float(v[-1]), both.place.p.z, both.place.q.w)
'''

GENERICS = '''from enum import IntEnum
from typing import Any

import warp as wp


class Mode(IntEnum):
    """How to scale."""

    PLAIN = 0
    DOUBLE = 0x10


class Limits:
    LOW = -1.5
    HIGH = 2


FACTOR = wp.constant(wp.float64(2.5))
COUNT = 2 ** 3 - 1


@wp.func
def scaled(x: Any, factor: Any):
    return x * factor


@wp.func
def pick(a: float, b: float = Limits.LOW) -> float:
    return wp.min(a, b)


@wp.func
def pick(a: int, b: int) -> int:
    return wp.max(a, b)


@wp.func
def own_square(x: float) -> float:
    return x * x


@wp.func_grad(own_square)
def adj_own_square(x: float, adj_ret: float):
    wp.adjoint[x] += 2.0 * x * adj_ret


@wp.func_replay(own_square)
def replay_own_square(x: float):
    return x * x


@wp.func(inline=True)
def twice(f: wp.Function, x: float) -> float:
    return f(f(x))


@wp.kernel(enable_backward=True, launch_bounds=(256, 1))
def spread(values: wp.array(dtype=Any), n: int):
    i = wp.tid()
    total = values[i]
    for k in range(COUNT):
        total += scaled(values[i], type(total)(k))
    if n == Mode.DOUBLE or n == int(Mode.PLAIN):
        total = total * values.dtype(pick(2, 3))
    x = pick(float(n), b=3.0) + twice(own_square, 2.0) + float(wp.static(COUNT * 2 + 1)) + wp.static(0.5)
    helper = own_square
    values[i] = total + type(total)(helper(x)) * type(total)(FACTOR)


wp.overload(spread, {"values": wp.array(dtype=float)})
'''

STATEMENTS = """import warp as wp


@wp.kernel
def walk(a: wp.array2d(dtype=int), out: wp.array(dtype=int)):
    # runs over everything
    i, j = wp.tid()
    local = wp.zeros(shape=(4,), dtype=int)
    small = int(0)
    for k in reversed(range(0, 12, 3)):
        if 0 <= k < 9 != small:
            local[k // 3] = a[i, j] + k
        elif not (k > 2 and i < 3):
            continue
        else:
            break
    for m in range(4):
        local[m] += wp.static(m * 2 + 1)
    while small < 3:
        small += 1
    assert small == 3
    a[i][j] = local[-1] if small > 2 else ~local[0]
    wp.atomic_add(out, 0, local[wp.clamp(small, 0, 3)])
    view = wp.view(a, i)
    again = wp.array(ptr=a.ptr, shape=(1, 1), dtype=int)
    out[1] = len(view) + a.shape[0] + again[0, 0]
"""

TILES = """import warp as wp

wp.set_module_options({"max_unroll": 8})


@wp.func
def halved(x: float) -> float:
    return 0.5 * x


@wp.kernel(enable_backward=False)
def blocks(a: wp.array2d(dtype=float), out: wp.array2d(dtype=float)):
    i = wp.tid()
    t = wp.tile_load(a, shape=(4, 4), offset=(i * 4, 0), storage="shared")
    u = wp.tile_map(halved, t) + wp.tile_ones(shape=(4, 4), dtype=float, storage="register")
    s = wp.tile_reduce(wp.add, wp.tile_map(wp.sin, u))
    wp.tile_store(out, u * s[0], offset=(i * 4, 0))
"""

RESOURCES = """import warp as wp


@wp.func
def nearest(mesh: wp.uint64, point: wp.vec3) -> float:
    query = wp.mesh_query_point(mesh, point, 10.0)
    return query.u if query.result else 0.0


@wp.kernel
def look(mesh: wp.uint64, grid: wp.uint64, volume: wp.uint64, tex: wp.Texture2D, out: wp.array(dtype=float)):
    i = wp.tid()
    p = wp.vec3(float(i), 0.0, 1.0)
    total = nearest(mesh, p) + wp.volume_sample_f(volume, p, wp.Volume.LINEAR)
    for neighbour in wp.hash_grid_query(grid, p, 2.0):
        total += float(neighbour)
    query = wp.bvh_query_aabb(wp.mesh_get_bvh(mesh), p, p)
    index = int(0)
    while wp.bvh_query_next(query, index):
        total += float(index)
    out[i] = total + wp.texture_sample(tex, p[0:2], dtype=float)
"""

NATIVE = '''import warp as wp


@wp.func_native("""
    return x + 1.0f;
""")
def bumped(x: float) -> float: ...


@wp.kernel
def bump(out: wp.array(dtype=float)):
    out[wp.tid()] = bumped(1.0)
'''

SOURCES = {
    "structs": STRUCTS,
    "generics": GENERICS,
    "statements": STATEMENTS,
    "tiles": TILES,
    "resources": RESOURCES,
}
"""Kernels that the recogniser accepts."""
