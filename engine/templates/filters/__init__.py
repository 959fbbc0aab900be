"""The filters of the template language: exact, pure, and null stays null unless a filter says otherwise.

filter_table  the names by which templates call them
numbers       read from texts, rounded and calculated, all exactly
texts         texts, flags, and what stands in for nothing
times         days and moments
dictionaries  codes of one system turned into those of the other
"""
