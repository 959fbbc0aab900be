"""The first step: a query, a feed or pages into reads, each with the cursor that follows it.

sources      the two kinds of source, as a run sees them
query        a SQL query's rows as batches of canonical texts, from its cursor on, or whole where it must be
cursor       what stands for `:cursor`, at the beginning and later
documents    reads of a feed or of pages: documents as batches, refused items beside them
feed         an event feed page by page
listing      a paged list, whole, or why it may not be
source_page  one page: asked for, its items and where the next one begins
items        the items of a page: what each asks for, its document, or why it has none
ask          one request to a source, until its answer is learnt
"""

from engine.source.cursor import starts
from engine.source.feed import Feed, FeedEnd, Page, again
from engine.source.query import extract
from engine.source.sources import Attempts, DocumentSource, QuerySource, Source

__all__ = [
    "Attempts",
    "DocumentSource",
    "Feed",
    "FeedEnd",
    "Page",
    "QuerySource",
    "Source",
    "again",
    "extract",
    "starts",
]
