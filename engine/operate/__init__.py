"""What a person may change in the state.

interventions    send again, adopt, resolve an unknown create, try a refused record again
adopting_target  a target that takes every change as confirmed, by which a run adopts the source
"""
