-- Warehouses, products and stock.

CREATE TABLE warehouse (
    warehouse_id      TEXT PRIMARY KEY,
    name              TEXT NOT NULL,
    label             TEXT,
    central           INTEGER NOT NULL,     -- 1 or 0
    parent_id         TEXT,                 -- of a branch: its central warehouse
    pickup            INTEGER NOT NULL,     -- 1 or 0
    reservation_hours INTEGER,              -- NULL: nothing can be reserved
    shipping_hours    INTEGER,
    street            TEXT,
    house_number      TEXT,
    zip_code          TEXT,
    city              TEXT,
    country           TEXT NOT NULL
);

CREATE TABLE product (
    sku         TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    unit        TEXT NOT NULL,
    price       DECIMAL(12, 2),             -- net, PLN
    send_to_one INTEGER NOT NULL            -- the checkbox: 1 or 0
);

CREATE TABLE stock (                        -- no primary key: such an ERP can hold a row twice
    warehouse_id TEXT NOT NULL,
    sku          TEXT NOT NULL,
    quantity     DECIMAL(15, 3)             -- NULL: never counted
);

CREATE TABLE product_detail (
    sku                TEXT PRIMARY KEY,
    gtin               TEXT,
    manufacturer       TEXT,
    manufacturer_index TEXT,
    pkwiu              TEXT
);

CREATE TABLE vat_rate (                     -- no mapping uses it: mappings/README.md adds one in ten minutes
    sku  TEXT PRIMARY KEY,
    rate DECIMAL(4, 1)                      -- percent; NULL: exempt
);
