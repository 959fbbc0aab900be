"""one-sync: keeps an ERP and the ONe platform equal, from YAML mappings."""
