"""A quick reduction of accused kernels: enough to say what causes an accusation, in few compilations.

`changes` puts something simpler in the place of a source's nodes, `cleaning` drops what then serves nobody, `edits` is
the list of what to try, `search` tries it in rounds, `accuser` says what has to stay the same, `trying` asks that of
many candidates at once in a worker process, and `cause` names what is left.
"""
