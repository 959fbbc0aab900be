"""What a project and its mappings together may not say although each key is right; and the order of the objects.

validate           all of the below, in the order of the files
project            what project.yaml may not say
objects            objects among each other: references, schedules, order
connections        connections of the right type, which fit together
line_schemas       the schemas that lines must satisfy, and a project's own
one_mapping        what one mapping alone may not say, by the subjects below
send               entries of `send`
addresses          paths and URLs of requests, and what rows put into them
sql_texts          queries and statements that are not what they look like
rows_and_children  limits, the cursor, children and `$each`
sent_files         files and the requests that send them
inbound            feed or pages, removals, tables and statements
samples            samples named apart, fitting, with every column
names/             which names templates may use, and which they use wrongly
"""

from engine.mapping.checks.one_mapping import first_use

__all__ = ["first_use"]
