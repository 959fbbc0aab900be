-- What the warehouse makes of the orders that arrived from ONe. Repeated without news it changes nothing.

BEGIN IMMEDIATE;

CREATE TEMP TABLE step (
    step         INTEGER PRIMARY KEY,       -- what happens to an order follows from its place in the queue
    status_code  TEXT NOT NULL,
    payment_code TEXT,
    days         INTEGER,                   -- from order to delivery; NULL: no date is promised
    percent      INTEGER,                   -- of each line that is shipped, rounded down to whole units; NULL: none
    waybills     INTEGER NOT NULL
);

INSERT INTO step VALUES
    (0, '35-ZAWIESZ', 'PRZETERM', NULL, NULL, 0),   -- the third order: a code that no dictionary lists
    (1, '10-NOWE',    NULL,       NULL, NULL, 0),
    (2, '40-WYSL',    'ZAPL',     1,    100,  2),
    (3, '30-KOMPL',   'OCZEK',    2,    50,   1),
    (4, '90-ANUL',    'ANUL',     NULL, NULL, 0),
    (5, '20-POTW',    'ODRZ',     3,    NULL, 0),
    (6, '50-ZREAL',   'ZAPL',     1,    100,  1);

INSERT INTO order_processing (shipment_id, place)
SELECT o.shipment_id,
       (SELECT COALESCE(MAX(place), 0) FROM order_processing) + ROW_NUMBER() OVER (ORDER BY o.shipment_id)
FROM one_order o
WHERE o.removed = 0
  AND o.shipment_id NOT IN (SELECT shipment_id FROM order_processing);

CREATE TEMP TABLE queue AS
SELECT p.place, s.*, o.shipment_id, o.order_id, o.external_id, o.warehouse_id, o.created_at
FROM order_processing p
JOIN step s ON s.step = CASE WHEN p.place = 3 THEN 0 ELSE p.place % 6 + 1 END
JOIN one_order o ON o.shipment_id = p.shipment_id
WHERE o.removed = 0;

UPDATE order_processing
SET status_code = q.status_code,
    payment_code = q.payment_code,
    date_confirmed = CASE WHEN q.days IS NOT NULL THEN COALESCE(
        date((SELECT d.date_required FROM one_order_delivery d WHERE d.shipment_id = q.shipment_id)),
        date(q.created_at, q.days || ' days'),
        '2031-03-10') END
FROM queue q
WHERE q.shipment_id = order_processing.shipment_id
  AND order_processing.status_code IS NULL;     -- a date once promised stays

DELETE FROM shipped_line                    -- lines that the order no longer has
WHERE shipment_id IN (SELECT shipment_id FROM queue)
  AND NOT EXISTS (
      SELECT 1 FROM one_order_line l
      WHERE l.shipment_id = shipped_line.shipment_id AND l.line_number = shipped_line.line_number
  );

INSERT OR REPLACE INTO shipped_line
SELECT l.shipment_id, l.line_number, l.sku,
       CASE q.percent WHEN 100 THEN l.quantity ELSE CAST(l.quantity * q.percent / 100 AS INTEGER) END
FROM queue q
JOIN one_order_line l ON l.shipment_id = q.shipment_id
WHERE q.percent IS NOT NULL;

INSERT OR IGNORE INTO waybill
SELECT q.shipment_id, printf('ONE-%05d-%d', q.place, n.part),
       CASE n.part WHEN 1 THEN printf('https://carrier.invalid/ONE-%05d-%d', q.place, n.part) END
FROM queue q
JOIN (SELECT 1 AS part UNION ALL SELECT 2) n ON n.part <= q.waybills;

-- Goods issued notes of what was shipped whole to customers that the ERP knows.
CREATE TEMP TABLE new_note AS
SELECT printf('WZ/ONE/%d/2031', q.place) AS number, q.*, p.date_confirmed
FROM queue q
JOIN order_processing p ON p.shipment_id = q.shipment_id
JOIN customer c ON c.customer_id = q.external_id
WHERE q.percent = 100
  AND printf('WZ/ONE/%d/2031', q.place) NOT IN (SELECT number FROM goods_issued_note);

INSERT INTO goods_issued_note
SELECT n.number, n.external_id, n.order_id, n.date_confirmed, n.date_confirmed, n.date_confirmed, n.warehouse_id,
       NULL, 'PRZELEW', 'KURIER', d.name, d.street, d.zip_code, d.city, d.country,
       t.total_net, t.total_tax, t.total_gross, NULL
FROM new_note n
LEFT JOIN one_order_delivery d ON d.shipment_id = n.shipment_id
LEFT JOIN one_order_price t ON t.shipment_id = n.shipment_id;

INSERT INTO goods_issued_note_line
SELECT n.number, ROW_NUMBER() OVER (PARTITION BY l.shipment_id ORDER BY l.line_number), l.shipment_id, l.line_number,
       l.sku, COALESCE(l.name, p.name, l.sku), COALESCE(p.unit, 'szt'), l.quantity, l.tax_rate, NULL,
       l.net_content_unit_price, ROUND(l.net_content_unit_price * l.tax_rate / 100.0, 4),
       ROUND(l.net_content_unit_price * (1 + l.tax_rate / 100.0), 4),
       l.net, l.tax, l.gross, NULL
FROM new_note n
JOIN one_order_line l ON l.shipment_id = n.shipment_id
LEFT JOIN product p ON p.sku = l.sku;

COMMIT;
