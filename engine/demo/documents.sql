-- Invoices, goods issued notes (WZ), and the small tables that documents and orders name.

CREATE TABLE seller (                       -- the companies that sell
    code     TEXT PRIMARY KEY,
    name     TEXT NOT NULL,
    tin      TEXT NOT NULL,
    street   TEXT NOT NULL,
    zip_code TEXT NOT NULL,
    city     TEXT NOT NULL,
    country  TEXT NOT NULL
);

CREATE TABLE employee (
    employee_id TEXT PRIMARY KEY,           -- a UUID
    name        TEXT NOT NULL,
    email       TEXT,
    phone       TEXT
);

CREATE TABLE payment_method (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE delivery_method (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE invoice (
    number         TEXT PRIMARY KEY,
    customer_id    TEXT NOT NULL,
    payer_id       TEXT,                    -- a customer too; NULL: the buyer pays
    seller_code    TEXT NOT NULL,
    employee_id    TEXT,
    issue_date     DATE NOT NULL,
    sale_date      DATE NOT NULL,
    due_date       DATE,                    -- NULL: paid on the spot
    currency       TEXT NOT NULL,
    net            DECIMAL(12, 2) NOT NULL,
    tax            DECIMAL(12, 2) NOT NULL,
    gross          DECIMAL(12, 2) NOT NULL,
    paid           DECIMAL(12, 2) NOT NULL, -- gross
    split_payment  TEXT NOT NULL,           -- T or N
    receipt_number TEXT,
    payment_code   TEXT NOT NULL,
    notes          TEXT,
    pdf_path       TEXT                     -- below the folder of documents; NULL: not printed yet
);

CREATE TABLE invoice_line (
    invoice_number TEXT NOT NULL,
    line_no        INTEGER NOT NULL,
    sku            TEXT NOT NULL,
    name           TEXT NOT NULL,
    unit           TEXT NOT NULL,
    quantity       DECIMAL(15, 3) NOT NULL,
    net_price      DECIMAL(12, 4) NOT NULL, -- of one unit, after the discount
    discount       DECIMAL(5, 2),           -- percent
    tax_rate       DECIMAL(4, 1),           -- percent; NULL: exempt
    net            DECIMAL(12, 2) NOT NULL,
    tax            DECIMAL(12, 2) NOT NULL,
    gross          DECIMAL(12, 2) NOT NULL,
    PRIMARY KEY (invoice_number, line_no)
);

CREATE TABLE invoice_purchase (             -- the customer's own order numbers
    invoice_number  TEXT NOT NULL,
    purchase_number TEXT NOT NULL,
    PRIMARY KEY (invoice_number, purchase_number)
);

CREATE TABLE goods_issued_note (
    number           TEXT PRIMARY KEY,
    customer_id      TEXT NOT NULL,
    order_id         TEXT,                  -- the order it belongs to; NULL: taken at the counter
    document_date    DATE NOT NULL,
    sale_date        DATE,
    delivery_date    DATE,
    warehouse_id     TEXT,
    employee_id      TEXT,
    payment_code     TEXT,
    delivery_code    TEXT,
    delivery_name    TEXT,
    delivery_street  TEXT,
    delivery_zip     TEXT,
    delivery_city    TEXT,
    delivery_country TEXT,
    net              DECIMAL(12, 2),
    tax              DECIMAL(12, 2),
    gross            DECIMAL(12, 2),
    notes            TEXT
);

CREATE TABLE goods_issued_note_line (
    note_number TEXT NOT NULL,
    line_no     INTEGER NOT NULL,           -- from 1
    shipment_id TEXT,                       -- the sales order of this line: offline_order or one_order
    order_line  TEXT,                       -- its line there
    sku         TEXT NOT NULL,
    name        TEXT NOT NULL,
    unit        TEXT NOT NULL,
    quantity    DECIMAL(15, 3) NOT NULL,
    tax_rate    DECIMAL(4, 1),              -- percent; NULL: exempt
    discount    DECIMAL(5, 2),              -- percent
    unit_net    DECIMAL(12, 4),             -- of one unit, after the discount
    unit_tax    DECIMAL(12, 4),
    unit_gross  DECIMAL(12, 4),
    net         DECIMAL(12, 2),             -- of the whole line
    tax         DECIMAL(12, 2),
    gross       DECIMAL(12, 2),
    notes       TEXT,
    PRIMARY KEY (note_number, line_no)
);

CREATE TABLE goods_issued_note_pdf (        -- an archive that keeps its files in the database
    note_number TEXT PRIMARY KEY,
    content     BLOB NOT NULL
);
