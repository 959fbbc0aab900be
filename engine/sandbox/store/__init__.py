"""What the stand-in holds: plain dictionaries, changed by named transitions, and its event feeds.

store           the tenant's state as a whole
feeds           event feeds: what happened, in order, read from a number on
held_documents  invoices, goods issued notes, and files uploaded for them
held_orders     shipments with their feed, what was written to them, offline orders
held_prices     retail prices, price lists, and who has which
shipments       documents of shipments, out of invented people and goods
"""
