-- Customers, what they owe, and the two tables into which the clients of ONe arrive.

CREATE TABLE segment (
    code   TEXT PRIMARY KEY,
    name   TEXT NOT NULL,
    parent TEXT
);

CREATE TABLE customer (
    customer_id   TEXT PRIMARY KEY,
    kind          TEXT NOT NULL,            -- organization or person
    name          TEXT,
    tin           TEXT,
    regon         TEXT,
    vat_payer     TEXT NOT NULL,            -- T or N
    phone         TEXT,
    bank_account  TEXT,
    contact_name  TEXT,
    contact_email TEXT,
    contact_phone TEXT,
    street        TEXT,
    zip_code      TEXT,
    city          TEXT,
    country       TEXT NOT NULL,
    segment_code  TEXT,
    send_to_one   INTEGER NOT NULL          -- the checkbox: 1 or 0
);

CREATE TABLE credit_limit (
    customer_id TEXT PRIMARY KEY,
    granted     DECIMAL(12, 2) NOT NULL,
    used        DECIMAL(12, 2)              -- NULL: nothing used yet
);

CREATE TABLE blockade_kind (
    code     TEXT PRIMARY KEY,              -- the external id under which ONe knows it
    name     TEXT NOT NULL,
    severity INTEGER NOT NULL               -- the higher, the more is forbidden
);

CREATE TABLE blockade (                     -- a lifted blockade is a deleted row
    customer_id TEXT NOT NULL,
    code        TEXT NOT NULL,
    PRIMARY KEY (customer_id, code)
);

CREATE TABLE one_client (
    client_id     TEXT PRIMARY KEY,         -- the platform's, with its prefix
    external_id   TEXT,                     -- our customer_id, where the client came from us
    kind          TEXT,
    name          TEXT,
    tin           TEXT,
    regon         TEXT,
    phone         TEXT,
    segment_id    TEXT,
    status        TEXT,
    contact_name  TEXT,
    contact_email TEXT,
    contact_phone TEXT,
    deleted       INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE one_client_address (
    client_id TEXT NOT NULL,
    kind      TEXT NOT NULL,                -- billing
    name      TEXT,
    street    TEXT,
    zip_code  TEXT,
    city      TEXT,
    country   TEXT,
    phone     TEXT,
    PRIMARY KEY (client_id, kind)
);
