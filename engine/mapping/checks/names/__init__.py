"""Which names the templates of a mapping may use, and which they use wrongly.

scopes          which names every template may use: the table of what stands where
template_texts  the names and attributes that the text of a template uses
wrong_names     templates that do not compile, names out of reach, attributes that nobody sets
request_names   the names that a request uses
first_use       where a mapping first names a column
"""

from engine.mapping.checks.names.scopes import request_path

__all__ = ["request_path"]
