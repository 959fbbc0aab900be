"""The demonstration's ERP: a seeded SQLite file of an invented Polish wholesaler."""
