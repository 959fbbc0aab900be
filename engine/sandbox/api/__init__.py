"""The endpoints of the stand-in.

routes            which function answers which path
replies           calls, replies, refusals, and what a request must hold
body_checks       bodies against `schemas/payloads/`
line_results      results a line
account           clients, segments, blockades, trade credits
stock             warehouses and stock
pricing           price lists, prices and their assignments
issued_documents  invoices and goods issued notes
uploads           files of documents
orders            orders, their statuses and events
placing           orders that clients place
"""

from engine.sandbox.api.replies import Settings

__all__ = ["Settings"]
