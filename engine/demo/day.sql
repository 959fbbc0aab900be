-- A day of business; repeated it changes nothing.

BEGIN IMMEDIATE;

DELETE FROM price_list WHERE code = 'CN-WYPRZ';
DELETE FROM price_list_item WHERE price_list_code = 'CN-WYPRZ';
DELETE FROM customer_price_list WHERE price_list_code IN ('CN-WYPRZ', 'CN-LATO');

UPDATE retail_price SET price = 123.4567 WHERE sku = 'A-000001';
UPDATE price_list_item SET price = 98.7654
WHERE price_list_code = 'CN-0001'
  AND sku = (SELECT MAX(i.sku) FROM price_list_item i JOIN product p ON p.sku = i.sku
             WHERE i.price_list_code = 'CN-0001' AND p.send_to_one = 1);

UPDATE invoice SET paid = gross WHERE number = 'FV/1/2031';

UPDATE offline_order SET status = 'wysłane', changed_at = '2031-04-01 16:30:00' WHERE shipment_id = 'ERP-1/1';
UPDATE offline_order_line SET quantity_shipped = quantity, changed_at = '2031-04-01 16:30:00'
WHERE shipment_id = 'ERP-1/1';
INSERT OR IGNORE INTO offline_order_waybill
SELECT shipment_id, 'KUR-00001-11', 'https://carrier.invalid/KUR-00001-11'
FROM offline_order
WHERE shipment_id = 'ERP-1/1';

COMMIT;
