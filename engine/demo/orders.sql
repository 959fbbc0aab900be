-- Orders of ONe: the tables into which they arrive (one row of one_order is one shipment, one-api.md 2.15),
-- and what the warehouse makes of them. `processing.sql` fills the latter.

CREATE TABLE one_order (
    shipment_id     TEXT PRIMARY KEY,
    order_id        TEXT NOT NULL,
    client_id       TEXT,                   -- the platform's, with its prefix
    external_id     TEXT,                   -- our customer_id, where the client came from us
    purchase_number TEXT,                   -- the customer's own
    coupon_code     TEXT,
    status          TEXT,                   -- the tenant's code
    channel         TEXT,                   -- ONLINE or POINT_OF_SALE
    order_type      TEXT,                   -- ORDER or RFQ
    availability    TEXT,
    warehouse_id    TEXT,
    creator_type    TEXT,
    creator_name    TEXT,
    creator_email   TEXT,
    creator_phone   TEXT,
    notes           TEXT,
    system_comments TEXT,
    created_at      DATETIME,
    last_change     DATETIME,
    removed         INTEGER NOT NULL DEFAULT 0   -- 1: removed in ONe; it is never deleted here
);

CREATE TABLE one_order_line (
    shipment_id     TEXT NOT NULL,
    line_number     TEXT NOT NULL,          -- shipment id and number, such as .../01
    sku             TEXT NOT NULL,
    name            TEXT,
    quantity        DECIMAL(15, 3) NOT NULL,   -- content units
    content_unit    TEXT,                   -- UN/ECE, such as C62
    net_unit_price  DECIMAL(15, 4),
    net_content_unit_price DECIMAL(15, 4),
    base_price_net  DECIMAL(15, 4),
    base_price_discount DECIMAL(15, 4),
    tax_rate        DECIMAL(5, 2),          -- percent
    net             DECIMAL(15, 2),
    tax             DECIMAL(15, 2),
    gross           DECIMAL(15, 2),
    manufacturer_id TEXT,
    pkwiu           TEXT,
    gtu             TEXT,
    split_payment   INTEGER,                -- 1 or 0
    line_id         TEXT,
    parent_line_id  TEXT,                   -- of tied lines, such as a cable and its drum
    notes           TEXT,
    PRIMARY KEY (shipment_id, line_number)
);

CREATE TABLE one_order_delivery (
    shipment_id    TEXT PRIMARY KEY,
    method_id      TEXT,
    external_id    TEXT,
    type           TEXT,                    -- COURIER, CLICK_AND_COLLECT, CROSS_DOCKING or PARCEL_LOCKER
    date_required  DATE,
    date_confirmed DATE,
    net            DECIMAL(15, 2),
    tax            DECIMAL(15, 2),
    gross          DECIMAL(15, 2),
    pickup_point   TEXT,
    name           TEXT,
    street         TEXT,
    zip_code       TEXT,
    city           TEXT,
    country        TEXT,
    phone          TEXT
);

CREATE TABLE one_order_payment (
    shipment_id    TEXT PRIMARY KEY,
    method_id      TEXT,
    external_id    TEXT,
    transaction_id TEXT,
    status         TEXT,                    -- PENDING, PAID, FAILED, CANCELLED or TIMEOUT
    net            DECIMAL(15, 2),
    tax            DECIMAL(15, 2),
    gross          DECIMAL(15, 2)
);

CREATE TABLE one_order_price (
    shipment_id        TEXT PRIMARY KEY,
    products_net       DECIMAL(15, 2),
    delivery_net       DECIMAL(15, 2),
    total_net          DECIMAL(15, 2),
    total_tax          DECIMAL(15, 2),
    total_gross        DECIMAL(15, 2),
    with_payment_net   DECIMAL(15, 2),
    with_payment_tax   DECIMAL(15, 2),
    with_payment_gross DECIMAL(15, 2)
);

CREATE TABLE one_order_cost (               -- of the whole shipment
    shipment_id TEXT NOT NULL,
    kind        TEXT NOT NULL,
    net         DECIMAL(15, 2),
    tax         DECIMAL(15, 2),
    gross       DECIMAL(15, 2),
    PRIMARY KEY (shipment_id, kind)
);

CREATE TABLE one_order_person (             -- who may collect the goods
    shipment_id TEXT NOT NULL,
    user_id     TEXT NOT NULL,
    name        TEXT,
    email       TEXT,
    phone       TEXT,
    PRIMARY KEY (shipment_id, user_id)
);

CREATE TABLE one_order_waybill (
    shipment_id TEXT NOT NULL,
    number      TEXT NOT NULL,
    url         TEXT,
    PRIMARY KEY (shipment_id, number)
);

CREATE TABLE order_processing (
    shipment_id    TEXT PRIMARY KEY,
    place          INTEGER UNIQUE,          -- in the order of arrival; NULL: of the system before ONe
    status_code    TEXT,                    -- 10-NOWE, 20-POTW, 30-KOMPL, 35-ZAWIESZ, 40-WYSL or 50-ZREAL; NULL: undecided
    payment_code   TEXT,                    -- OCZEK, ZAPL, ODRZ, ANUL or PRZETERM; NULL: unknown
    date_confirmed DATE                     -- NULL: not promised
);

CREATE TABLE shipped_line (
    shipment_id TEXT NOT NULL,
    line_number TEXT NOT NULL,
    sku         TEXT NOT NULL,
    quantity    DECIMAL(15, 3) NOT NULL,    -- content units
    PRIMARY KEY (shipment_id, line_number)
);

CREATE TABLE waybill (
    shipment_id TEXT NOT NULL,
    number      TEXT NOT NULL,
    url         TEXT,
    PRIMARY KEY (shipment_id, number)
);
