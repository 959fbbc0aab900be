"""The commands of the command line, one a file.

demo          the whole job on an ERP and a platform of its own
validate      are project and mappings right
connections   do the connections answer
plan          what a run would send
render        the exact requests of a run, or of the samples
snapshot      the requests of the samples against snapshots/
run           the scheduler; with --once one pass
schedule      the fires of a period
status        `status`, `runs`, `requests`
why           what became of one record
rejected      refused records: list, show, retry, export
unknown       creates of unknown outcome: list, resolve
resend_adopt  `resend`, `forget`, `adopt`
carry         what is known goes with a new name or new keys
sandbox       a stand-in for the platform
"""
