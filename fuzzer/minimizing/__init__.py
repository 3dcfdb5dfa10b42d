"""From a kernel that somebody accuses to the folder of a minimised finding.

`accused` finds out who accuses it of what, and refuses what does not stand; `one` minimises it and writes the folder.
`file` does the same with a command in the place of the accuser. `display` shows how far it is, and `campaign` minimises
what a campaign found.
"""
