"""From a minimised kernel to what a maintainer can act on: a script that fails, and a report that says how.

`signature` and `values` write types and numbers as a person does, `arguments` and `resources` what a launch takes,
`claim` what is asserted of it, and `script` joins them. `running` runs scripts in fresh processes, `variants` looks for
the nearest one that passes, `generated` for the lines of generated code, `system` asks Warp about itself; `report` and
`folder` put all of it into a finding's folder.
"""

from __future__ import annotations

from fuzzer.bug_report.folder import Written, write_folder

__all__ = ["Written", "write_folder"]
