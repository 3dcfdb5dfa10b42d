"""What can go wrong when PTX runs on the emulator, and whose fault it is."""

from __future__ import annotations

from .reports import Kind, Report


class PtxError(Exception):
    """Anything that ends an emulated launch early."""


class Malformed(PtxError):  # noqa: N818
    """The text is not PTX as the emulator reads it."""


class Unsupported(PtxError):  # noqa: N818
    """The emulator cannot run an instruction; `form` names it with all its modifiers, `tex.cube.v4.f32.f32`."""

    def __init__(self, form: str) -> None:
        self.form = form
        super().__init__(f"the emulator cannot run {form}")


class StepLimit(PtxError):  # noqa: N818
    """The launch executed more steps than it was allowed: most likely it would never have ended."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"still running after {limit} emulated steps")


class Fault(PtxError):  # noqa: N818
    """The program did what a GPU stops for: a bad access, a trap, a barrier that cannot complete.

    `kind` and `what` say what happened, `address` is the generic address of a bad access, `lane` the position of the
    thread among the active ones. The machine adds the rest of the `report` as far as it is known. `earlier` holds what
    the sanitizer had reported by then, which may be the cause, `printed` what `printf` had printed.
    """

    def __init__(self, kind: Kind, what: str, address: int | None = None, lane: int | None = None) -> None:
        super().__init__(what)
        self.report = Report(kind, what, address=address)
        self.lane = lane
        self.earlier: tuple[Report, ...] = ()
        self.printed: tuple[str, ...] = ()

    @property
    def reports(self) -> tuple[Report, ...]:
        """All that the sanitizer had to say, what stopped the launch last."""
        return (*self.earlier, self.report)

    def __str__(self) -> str:
        return str(self.report)
