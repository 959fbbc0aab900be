-- Orders taken without ONe, by telephone or at the counter; one row is one shipment.

CREATE TABLE offline_order (
    shipment_id     TEXT PRIMARY KEY,
    order_id        TEXT NOT NULL,
    customer_id     TEXT NOT NULL,
    order_date      DATE NOT NULL,
    changed_at      DATETIME,               -- local time
    status          TEXT,                   -- for people to read
    notes           TEXT,
    warehouse_id    TEXT,
    contact_name    TEXT,
    contact_email   TEXT,
    contact_phone   TEXT,
    payment_code    TEXT NOT NULL,
    delivery_code   TEXT,
    date_required   DATE,
    date_confirmed  DATE,
    pickup_point    TEXT,                   -- a warehouse; NULL: delivered to the address
    delivery_name   TEXT,
    delivery_street TEXT,
    delivery_zip    TEXT,
    delivery_city   TEXT,
    delivery_country TEXT,
    delivery_phone  TEXT,
    delivery_net    DECIMAL(12, 2) NOT NULL,
    delivery_tax    DECIMAL(12, 2) NOT NULL,
    delivery_gross  DECIMAL(12, 2) NOT NULL,
    products_net    DECIMAL(12, 2) NOT NULL,
    products_gross  DECIMAL(12, 2) NOT NULL,
    total_net       DECIMAL(12, 2) NOT NULL,
    total_tax       DECIMAL(12, 2) NOT NULL,
    total_gross     DECIMAL(12, 2) NOT NULL
);

CREATE TABLE offline_order_line (
    shipment_id      TEXT NOT NULL,
    line_no          INTEGER NOT NULL,
    sku              TEXT NOT NULL,
    name             TEXT NOT NULL,
    unit             TEXT NOT NULL,
    unit_code        TEXT,                  -- UN/ECE, such as C62
    quantity         DECIMAL(15, 3) NOT NULL,
    quantity_shipped DECIMAL(15, 3),
    catalog_price    DECIMAL(12, 4),        -- net, of one unit; NULL: not in the catalogue
    discount         DECIMAL(5, 2),         -- percent of the catalogue price
    net_price        DECIMAL(12, 4) NOT NULL,   -- of one unit
    net              DECIMAL(12, 2) NOT NULL,
    tax              DECIMAL(12, 2),
    gross            DECIMAL(12, 2) NOT NULL,
    fee_kind         TEXT,                  -- an additional cost of the line, such as of recycling; NULL: none
    fee_unit_net     DECIMAL(12, 4),
    fee_unit_tax     DECIMAL(12, 4),
    fee_unit_gross   DECIMAL(12, 4),
    fee_net          DECIMAL(12, 2),
    fee_tax          DECIMAL(12, 2),
    fee_gross        DECIMAL(12, 2),
    changed_at       DATETIME,              -- local time
    notes            TEXT,
    PRIMARY KEY (shipment_id, line_no)
);

CREATE TABLE offline_order_cost (           -- of the whole order
    shipment_id TEXT NOT NULL,
    kind        TEXT NOT NULL,
    net         DECIMAL(12, 2) NOT NULL,
    tax         DECIMAL(12, 2) NOT NULL,
    gross       DECIMAL(12, 2) NOT NULL,
    PRIMARY KEY (shipment_id, kind)
);

CREATE TABLE offline_order_waybill (
    shipment_id TEXT NOT NULL,
    number      TEXT NOT NULL,
    url         TEXT,
    PRIMARY KEY (shipment_id, number)
);

CREATE TABLE offline_order_person (         -- who may collect the goods
    shipment_id TEXT NOT NULL,
    name        TEXT NOT NULL,
    email       TEXT,
    phone       TEXT,
    PRIMARY KEY (shipment_id, name)
);
