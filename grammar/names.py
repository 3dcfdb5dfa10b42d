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

ROLES: dict[str, Sequence[str]] = {
    # inputs
    "values": ("values", "data", "samples", "items", "measurements", "readings", "scores"),
    "samples": ("samples", "data", "values", "observations", "measurements"),
    "field": ("field", "u", "grid", "image", "pixels", "temperature", "src"),
    "other_field": ("v_field", "concentration", "other", "inhibitor"),
    "previous": ("previous", "u_prev", "old_field"),
    "sources": ("sources", "src", "heat", "emitters"),
    "charges": ("charges", "rhs", "source_term"),
    "weights": ("weights", "w", "coefficients", "coeffs"),
    "mask": ("mask", "active", "enabled", "keep"),
    "starts": ("starts", "segment_starts", "initial", "begins"),
    "neighbors": ("neighbors", "neighbor_ids", "adjacency", "adjacent"),
    "order": ("order", "indices", "permutation", "sources"),
    "targets": ("targets", "owners", "slots", "destinations", "groups"),
    "links": ("links", "parents", "matches", "partners"),
    "table": ("table", "lut", "curve", "profile"),
    "coordinates": ("coordinates", "xs", "locations"),
    "position_array": ("positions", "points", "x"),
    "velocity_array": ("velocities", "v", "vel"),
    "mass_array": ("masses", "mass", "m"),
    "pressure_array": ("pressures", "p"),
    "temperature_array": ("temperatures", "colors", "quantities"),
    "rotation_array": ("rotations", "orientations", "q"),
    "omega_array": ("omegas", "angular_velocities", "spins"),
    "queries": ("queries", "grid_points", "sample_points"),
    "particles": ("particles", "bodies"),
    "other": ("other", "j", "k", "b"),
    "nodes": ("nodes", "vertices", "points", "mesh_points"),
    "elements": ("elements", "connectivity", "cells", "elems"),
    "edges": ("edges", "edge_list", "pairs"),
    "distances": ("distances", "dist", "costs", "values"),
    "offsets": ("offsets", "row_offsets", "row_start", "displacements"),
    "inputs": ("inputs", "x", "features", "activations_in"),
    "biases": ("biases", "bias_vector", "b"),
    "hidden_weights": ("hidden_weights", "w1", "weights1"),
    "output_weights": ("output_weights", "w2", "weights2"),
    "filters": ("filters", "kernels", "conv_weights"),
    "signal": ("signal", "values", "measurements"),
    "points": ("points", "vertices", "markers"),
    "heights": ("heights", "elevation", "terrain"),
    # outputs
    "results": ("results", "out", "output", "result_values", "dest"),
    "filtered": ("filtered", "out", "output", "smoothed", "dst"),
    "next_field": ("next_field", "u_next", "out", "new_field"),
    "next_other": ("next_other", "v_next", "new_other"),
    "scanned": ("scanned", "prefix", "cumulative", "running_totals", "out"),
    "sums": ("sums", "totals", "accumulated", "sum_out"),
    "extremes": ("extremes", "peaks", "bounds"),
    "counts": ("counts", "histogram", "bins", "tally"),
    "forces": ("forces", "accelerations", "force_out"),
    "force_sums": ("forces", "total_forces", "residual_forces"),
    "energies": ("energies", "potentials", "kinetic"),
    "densities": ("densities", "rho", "density_out"),
    "pixels": ("pixels", "image", "framebuffer", "radiance_out"),
    "depths": ("depths", "depth", "distances_out", "t_hit"),
    "activations": ("activations", "outputs", "y", "out"),
    "new_distances": ("new_distances", "dist_out", "next_costs", "relaxed"),
    "new_labels": ("new_labels", "labels_out", "components"),
    "estimates": ("estimates", "results", "integrals"),
    # parameters
    "count": ("n", "count", "num_items", "size", "length"),
    "dt": ("dt", "time_step", "delta_t", "h"),
    "dx": ("dx", "spacing", "cell_size", "h"),
    "alpha": ("alpha", "diffusivity", "kappa"),
    "strength": ("strength", "g", "coupling"),
    "softening": ("eps", "softening", "epsilon"),
    "stiffness": ("stiffness", "k", "spring_k"),
    "rest_length": ("rest_length", "rest", "natural_length"),
    "range_": ("decay_length", "range_scale", "screening"),
    "cutoff": ("cutoff", "max_radius", "reach"),
    "radius": ("radius", "h", "smoothing_length", "support"),
    "damping": ("damping", "drag", "friction"),
    "t_max": ("t_max", "max_distance", "far"),
    "epsilon": ("epsilon", "eps", "tolerance"),
    "light": ("light", "light_dir", "sun"),
    "seed": ("seed", "base_seed", "rng_seed"),
    "size": ("size", "radius", "extent"),
    "sigma": ("sigma", "spread", "bandwidth"),
    "weight": ("weight", "w", "alpha"),
    "scale": ("scale", "norm_factor", "coefficient"),
    # locals
    "value": ("value", "x", "val", "item", "current"),
    "total": ("total", "acc", "sum_", "accum", "s"),
    "second": ("total_sq", "correction", "second", "carry"),
    "best": ("best", "extreme", "current_best", "peak"),
    "worst": ("worst", "other_extreme", "opposite"),
    "best_index": ("best_index", "arg", "where_best"),
    "running": ("running", "acc", "carry", "prefix_sum"),
    "own": ("own", "here", "mine"),
    "angular_acc": ("alpha", "ang_acc", "spin_rate"),
    "scaled_value": ("scaled", "position_in_bins", "t"),
    "new_total": ("t", "new_total", "next_total"),
    "neighbor": ("neighbor", "nbr", "other"),
    "source": ("source", "src", "idx"),
    "bin": ("bin", "bucket", "slot"),
    "sample": ("sample", "x", "value"),
    "center": ("center", "c", "middle"),
    "left": ("left", "west", "u_left"),
    "right": ("right", "east", "u_right"),
    "down": ("down", "south", "below"),
    "up": ("up", "north", "above"),
    "result": ("result", "out_value", "new_value"),
    "cell": ("cell", "value", "sample"),
    "u": ("u", "u0", "here"),
    "u_new": ("u_new", "updated", "next_u"),
    "laplacian": ("laplacian", "lap", "diffusion"),
    "position": ("position", "p_i", "xi", "own_position"),
    "offset": ("offset", "delta", "r_ij", "d"),
    "r": ("r", "dist", "distance"),
    "r2": ("r2", "dist_sq", "d2"),
    "mass_j": ("mass_j", "m_j", "other_mass"),
    "force": ("force", "acceleration", "f", "total_force"),
    "magnitude": ("magnitude", "strength_ij", "f_mag"),
    "velocity": ("velocity", "v", "new_velocity"),
    "moved": ("moved", "new_position", "advanced"),
    "density": ("density", "rho", "rho_i"),
    "p": ("p", "point", "pos", "sample_point"),
    "t": ("t", "ray_t", "travelled"),
    "distance": ("d", "dist", "signed_distance"),
    "to_center": ("to_center", "oc", "offset"),
    "hit_index": ("hit_index", "hit", "nearest_id"),
    "n": ("j", "k", "n", "m"),
    "pos": ("x", "pos", "position"),
    "rot": ("q", "rot", "r"),
    "vel": ("v", "vel", "velocity"),
    "ang": ("w", "omega", "ang_vel"),
    "w_body": ("w_body", "local_omega", "wb"),
    "t_body": ("t_body", "local_torque", "tb"),
    "pixel_u": ("u", "px", "sx"),
    "pixel_v": ("v", "py", "sy"),
    "tail": ("u", "a", "tail", "source"),
    "head": ("v", "b", "target", "tip"),
    "v": ("v", "v0", "b"),
    "q_ratio": ("q", "ratio", "s"),
    "w_value": ("w", "w_ij", "kernel_value"),
    "lowest": ("lowest", "low", "smallest"),
    "highest": ("highest", "high", "largest"),
    "step": ("step", "iteration", "it", "s"),
    "steps": ("steps", "iterations", "num_steps"),
    "state": ("state", "rng", "rng_state"),
    "inside": ("inside", "hits", "num_inside"),
    "move": ("move", "jump", "displacement"),
    "candidate": ("candidate", "through", "alternative"),
    "activation": ("activation", "a", "y", "act"),
    "edge": ("edge", "d", "span"),
    "length": ("length", "current_length", "l"),
    "rest_q": ("falloff", "rest", "one_minus_q"),
    "rest": ("rest", "rest_length", "l0"),
    "pose": ("pose", "xform", "world"),
    "local": ("local", "joint", "q_local"),
    # functions and structs
    "force_law": ("force_law", "attraction", "pair_force", "interaction"),
    "smoothing_kernel": ("smoothing_kernel", "kernel_w", "sph_kernel", "w_kernel"),
    "scene_distance": ("scene_distance", "sdf", "scene", "map_distance"),
    "smooth_union": ("smooth_union", "smin", "blend_distance"),
    "medium_density": ("medium_density", "density_at", "fog"),
    "integrand": ("integrand", "func", "sample_function"),
    "target_density": ("target_density", "unnormalized_pdf", "likelihood"),
    "Particle": ("Particle", "Body", "PointMass"),
    "BodyState": ("BodyState", "RigidBody", "State"),
}
"""Names by the role that something plays in a program of `grammar.programs`; other roles are names themselves."""

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
