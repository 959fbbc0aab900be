"""One run of one object, and the project wired together.

app           project folder, state and ends, ready for commands
run_object    one run: find changes, deliver, record, settle
surroundings  what surrounds a run: state folder, clock, stop, secrets to hide, ends
refusals      what stands refused, kept in the journal and forgotten when it stands no longer
variables     the `${...}` that ends need: which are missing, which are secrets
"""
