"""The demonstration: an ERP in SQLite with seeded data, and a day that passes in it.

stage               a folder with the ERP, the project and the stand-in
erp                 the ERP as a whole: its size and its tables
customers           who buys
goods               what is sold, and where it lies
price_lists         prices and who gets them
sales               orders that became documents
invoices            invoices of sales
goods_issued_notes  goods issued notes of sales
offline             orders taken offline
processing          what the ERP does with orders it was sent
names               names of people, firms and streets
pdf                 small PDF files
planted             records with faults, planted on purpose
rows                rows into tables; the SQL that makes them
"""

from engine.demo.planted import PLANTED, Planted
from engine.demo.stage import ANSWERS, ORDERS, Stage, stage

__all__ = ["ANSWERS", "ORDERS", "PLANTED", "Planted", "Stage", "stage"]
