"""Names that fit what they hold: one bank by kind of value and role, and the choice of one that is still free."""

from __future__ import annotations

from collections.abc import Sequence, Set

from grammar.choices import Choices, pick
from grammar.types import (
    BFLOAT16,
    BOOL,
    Matrix,
    Quaternion,
    Scalar,
    Struct,
    Transform,
    Type,
    ValueType,
    Vector,
    is_float_type,
)

ELEMENTS: dict[str, Sequence[tuple[str, str]]] = {
    "float": (
        ("values", "value"), ("weights", "weight"), ("masses", "mass"), ("densities", "density"),
        ("heights", "height"), ("samples", "sample"), ("radii", "radius"), ("distances", "distance"),
        ("speeds", "speed"), ("temperatures", "temperature"), ("pressures", "pressure"), ("xs", "x"),
        ("ys", "y"), ("angles", "angle"), ("signal", "s"), ("charges", "charge"), ("depths", "depth"),
        ("energies", "energy"), ("intensities", "intensity"), ("widths", "width"), ("prices", "price"),
        ("concentrations", "concentration"), ("durations", "duration"), ("noise", "e"), ("phases", "phase"),
    ),
    "integer": (
        ("counts", "count"), ("labels", "label"), ("keys", "key"), ("levels", "level"), ("ages", "age"),
        ("scores", "score"), ("ranks", "rank"), ("steps", "step"), ("sizes", "size"), ("ticks", "tick"),
        ("degrees", "degree"), ("tags", "tag"), ("votes", "vote"), ("codes", "code"), ("digits", "digit"),
    ),
    "bool": (("active", "is_active"), ("enabled", "is_enabled"), ("fixed", "is_fixed"), ("visible", "is_visible")),
    "vector": (
        ("positions", "position"), ("velocities", "velocity"), ("normals", "normal"), ("forces", "force"),
        ("points", "point"), ("directions", "direction"), ("colors", "color"), ("offsets", "offset"),
        ("gradients", "gradient"), ("targets", "target"), ("vertices", "vertex"), ("centers", "center"),
    ),
    "integer vector": (
        ("cells", "cell"), ("coords", "coord"), ("voxels", "voxel"), ("pixels", "pixel"), ("bins", "bin"),
    ),
    "matrix": (
        ("matrices", "matrix"), ("transforms", "transform"), ("jacobians", "jacobian"), ("tensors", "tensor"),
        ("frames", "frame"), ("blocks", "block"), ("stresses", "stress"), ("bases", "basis"),
    ),
    "quaternion": (("orientations", "orientation"), ("rotations", "rotation"), ("quats", "quat"), ("poses", "pose")),
    "transform": (
        ("poses", "pose"), ("placements", "placement"), ("anchors", "anchor"), ("body_poses", "body_pose"),
        ("joint_poses", "joint_pose"), ("link_frames", "link_frame"),
    ),
}  # fmt: skip
"""Names of input arrays with the name of one element."""

RARE_ELEMENTS: dict[str, Sequence[tuple[str, str]]] = {
    "features": (
        ("features", "feature"), ("descriptors", "descriptor"), ("embeddings", "embedding"), ("moments", "moment"),
        ("spectra", "spectrum"), ("coefficients", "coefficient"), ("stencils", "stencil"), ("channels", "channel"),
    ),
    "spatial vector": (
        ("twists", "twist"), ("wrenches", "wrench"), ("spatial_forces", "spatial_force"), ("motions", "motion"),
        ("joint_axes", "joint_axis"), ("body_velocities", "body_velocity"),
    ),
    "half": (
        ("activations", "activation"), ("logits", "logit"), ("weights", "weight"), ("gradients", "gradient"),
        ("embeddings", "embedding"), ("scores", "score"), ("losses", "loss"), ("biases", "bias"), ("probs", "prob"),
    ),
    "coupling": (
        ("jacobians", "jacobian"), ("projections", "projection"), ("couplings", "coupling"), ("blocks", "block"),
        ("designs", "design"), ("operators", "op"), ("tables", "table"), ("weights", "weight"),
    ),
}  # fmt: skip
"""The same for vectors of other lengths than 2 to 4, spatial vectors, bfloat16, and matrices that are not square."""

INDEX_ARRAYS: Sequence[str] = ("indices", "neighbors", "parents", "order", "owners", "slots")
"""Names of arrays whose elements are indices of another array."""

PARAMETERS: dict[str, Sequence[str]] = {
    "float": (
        "scale", "dt", "alpha", "gamma", "threshold", "stiffness", "damping", "gain", "bias", "rate", "beta", "radius",
        "decay", "amplitude", "frequency", "sigma", "omega", "friction", "tolerance", "density", "strength",
    ),
    "integer": ("offset", "stride", "shift", "base", "factor", "limit", "period", "margin", "seed", "level"),
    "bool": ("clip", "invert", "periodic", "normalized", "use_bias", "reverse"),
    "vector": ("gravity", "origin", "wind", "axis", "center", "target", "light", "direction"),
    "integer vector": ("resolution", "cell", "origin", "extent", "corner"),
    "matrix": ("transform", "basis", "inertia", "metric", "frame", "projection"),
    "quaternion": ("orientation", "rotation", "attitude", "spin"),
    "transform": ("origin_pose", "base_pose", "camera_pose"),
    "count": ("n", "count", "steps", "iterations", "num_samples", "rounds", "num_steps", "passes"),
}  # fmt: skip
"""Names of parameters passed by value; `count` bounds a loop."""

LOCALS: dict[str, Sequence[str]] = {
    "float": (
        "x", "y", "t", "u", "s", "r", "a", "b", "c", "d", "value", "factor", "ratio", "delta", "scaled", "blend",
        "norm", "error", "w", "h", "f", "g", "coeff", "term", "diff", "amount", "response", "level", "excess", "damped",
    ),
    "integer": (
        "k", "m", "a", "b", "c", "d", "bucket", "key", "code", "part", "diff", "rem", "slot", "span", "mixed", "state",
    ),
    "bool": ("inside", "valid", "active", "is_large", "crossed", "keep", "accept", "near", "ready", "upper"),
    "vector": (
        "v", "p", "u", "w", "d", "n", "force", "offset", "delta", "dir", "step", "axis", "blend", "normal", "shifted",
    ),
    "integer vector": ("cell", "coord", "c", "v", "shifted", "low", "bin", "index", "corner"),
    "matrix": ("m", "a", "b", "rot", "basis", "jac", "product", "scaled", "inertia", "stress", "r"),
    "quaternion": ("q", "r", "rot", "spin", "turned", "delta_q", "half"),
    "transform": ("pose", "placement", "xform"),
    "struct": ("item", "entry", "state", "current", "updated"),
    "total": ("total", "acc", "accum", "running", "sum_", "result", "weighted", "tally"),
}  # fmt: skip
"""Names of local variables; `total` is for what a loop accumulates."""

OUTPUTS: Sequence[str] = ("out", "result", "output", "results", "dest", "out_values", "outputs", "target_values")
MORE_OUTPUTS: dict[str, Sequence[str]] = {
    "float": ("norms", "lengths", "errors", "costs", "averages", "scaled", "responses", "residuals"),
    "integer": ("buckets", "totals", "codes_out", "parities", "classes", "remainders"),
    "bool": ("mask", "flags", "hits", "is_valid"),
    "vector": ("new_positions", "shifted", "forces_out", "displacements", "smoothed"),
    "integer vector": ("new_cells", "shifted_cells", "corners"),
    "matrix": ("products", "new_frames", "updated_blocks"),
    "quaternion": ("new_rotations", "spins"),
    "transform": ("new_poses", "placements", "moved"),
    "struct": ("updated", "new_states"),
}
ATOMIC_OUTPUTS: Sequence[tuple[str, Sequence[str]]] = (
    ("atomic_add", ("total", "sums", "histogram", "counts", "accumulated")),
    ("atomic_sub", ("remaining", "budget", "balance", "stock")),
    ("atomic_min", ("lowest", "minimum", "lower")),
    ("atomic_max", ("highest", "maximum", "peak")),
)

STRUCTS: dict[str, Sequence[str]] = {
    "particle": ("Particle", "Body", "Node", "Point", "Vertex", "Sample"),
    "settings": ("Params", "Settings", "Material", "Config"),
    "pair": ("Pair", "Range", "Dual", "Complex", "Bounds"),
    "whole": ("Joint", "Contact", "Edge", "Spring", "Cluster"),
    "world": ("World", "Scene", "Model", "System"),
}
FIELDS: dict[str, Sequence[str]] = {
    "float": ("mass", "radius", "density", "charge", "weight", "temperature", "stiffness", "damping", "scale", "age"),
    "integer": ("count", "kind", "level", "group", "cell", "step", "flags"),
    "bool": ("active", "fixed", "visible"),
    "vector": ("position", "velocity", "normal", "force", "center", "color"),
    "integer vector": ("cell", "coord", "voxel"),
    "matrix": ("inertia", "frame", "basis", "stress"),
    "quaternion": ("rotation", "orientation"),
    "transform": ("pose", "xform"),
    "struct": ("body", "start", "anchor", "child", "source"),
}

THREAD_INDICES: Sequence[Sequence[Sequence[str]]] = (
    (("i",), ("tid",), ("i",), ("idx",)),
    (("i", "j"), ("row", "col"), ("x", "y"), ("i", "j")),
    (("i", "j", "k"), ("x", "y", "z"), ("i", "j", "k")),
)
LOOP_INDICES: Sequence[str] = ("j", "k", "l", "m", "p", "q", "jj", "kk")

HELPERS: dict[str, Sequence[str]] = {
    "float": ("falloff", "kernel_weight", "smooth", "penalty", "shape", "response_curve", "blend_weight", "energy_of"),
    "integer": ("mix_bits", "wrap_index", "fold", "encode", "quantize", "step_state"),
    "bool": ("is_inside", "should_keep", "is_close", "passes"),
    "vector": ("project", "reflect", "displace", "bend", "drag_force", "spring_force"),
    "integer vector": ("neighbor", "wrap_cell", "snap"),
    "matrix": ("stretch", "compose", "deform", "assemble"),
    "quaternion": ("spin_by", "twist", "align"),
    "transform": ("place", "move_by", "relative_pose"),
    "struct": ("advance", "update_state", "integrate"),
    "several": ("split", "decompose", "evaluate", "polar_parts", "sum_and_difference"),
}

CONSTANTS: dict[str, Sequence[str]] = {
    "float": ("SCALE", "EPSILON", "THRESHOLD", "GAIN", "DAMPING", "RATE", "LIMIT", "WEIGHT"),
    "integer": ("STRIDE", "OFFSET", "MODULUS", "LIMIT", "STEP", "BASE"),
    "bool": ("USE_BIAS", "CLAMPED", "PERIODIC", "VERBOSE"),
    "vector": ("GRAVITY", "ORIGIN", "UP", "AXIS", "OFFSETS", "EXTENT"),
    "matrix": ("BASIS", "METRIC", "FRAME", "INERTIA"),
}

RESERVED = frozenset(
    {"wp", "min", "max", "abs", "sum", "id", "hash", "range", "int", "float", "bool", "len", "pow", "round"}
)
"""What a local variable must not hide."""


def kind_of(type_: Type) -> str:
    """Return the key of the banks for a type."""
    match type_:
        case Vector():
            return "vector" if is_float_type(type_) else "integer vector"
        case Matrix():
            return "matrix"
        case Quaternion():
            return "quaternion"
        case Transform():
            return "transform"
        case Struct():
            return "struct"
        case Scalar():
            return "bool" if type_ == BOOL else "float" if type_.is_float else "integer"
        case _:
            return kind_of(type_.dtype)


def free_name(choices: Choices, candidates: Sequence[str], taken: Set[str]) -> str:
    """Return one of the candidates that is not taken, with a number behind it when all are."""
    free = [name for name in candidates if name not in taken and name not in RESERVED]
    if free:
        return pick(choices, free)
    base = pick(choices, candidates)
    number = 2
    while f"{base}{number}" in taken:
        number += 1
    return f"{base}{number}"


def element_names(type_: ValueType) -> Sequence[tuple[str, str]]:
    """Return the bank of (array, element) names for elements of a type."""
    if isinstance(type_, Struct):
        singular = type_.name.lower()
        plural = {"body": "bodies", "vertex": "vertices", "params": "params"}.get(singular, f"{singular}s")
        return ((plural, singular if plural != singular else f"{singular}_i"),)
    rare = _rare_kind(type_)
    return RARE_ELEMENTS[rare] if rare else ELEMENTS[kind_of(type_)]


def _rare_kind(type_: ValueType) -> str:
    """Return the key of a type in `RARE_ELEMENTS`, the empty text for the common types."""
    match type_:
        case Vector() if is_float_type(type_) and type_.length not in (2, 3, 4):
            return "spatial vector" if type_.length == 6 else "features"
        case Matrix() if not type_.is_square:
            return "coupling"
        case Scalar() if type_ == BFLOAT16:
            return "half"
        case _:
            return ""
