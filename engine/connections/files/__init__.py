"""Files at the boundary.

stream  a file streamed into a request body, broken off when it is not the content it should be
"""
