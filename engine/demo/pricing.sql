-- Retail prices, and the price lists of business customers.

CREATE TABLE retail_price (
    sku   TEXT PRIMARY KEY,
    price DECIMAL(12, 4)                    -- net, PLN; NULL: not sold to consumers
);

CREATE TABLE price_list (                   -- catalogue prices are those of product.price
    code             TEXT PRIMARY KEY,
    kind             TEXT NOT NULL,         -- catalog (one) or client
    name             TEXT NOT NULL,
    priority         INTEGER NOT NULL,      -- the higher wins
    discount_percent DECIMAL(5, 2),         -- on goods without a price of their own; NULL: none
    valid_from       DATE,
    valid_to         DATE                   -- NULL: until revoked
);

CREATE TABLE price_list_item (
    price_list_code TEXT NOT NULL,
    sku             TEXT NOT NULL,
    price           DECIMAL(12, 4) NOT NULL,   -- net, PLN
    PRIMARY KEY (price_list_code, sku)
) WITHOUT ROWID;

CREATE TABLE customer_price_list (
    customer_id     TEXT NOT NULL,
    price_list_code TEXT NOT NULL,
    PRIMARY KEY (customer_id, price_list_code)
);
