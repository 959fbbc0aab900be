BEGIN TRANSACTION;
pragma user_version = 1;
CREATE TABLE bindings (
  object   text not null,
  key      text not null,
  saved    text not null,                -- JSON
  bound_at text not null,
  primary key (object, key)
) without rowid;
INSERT INTO "bindings" VALUES('clients','["k1"]','{"client_id":"c-k1-1"}','2026-01-10T22:03:03.149700+00:00');
INSERT INTO "bindings" VALUES('clients','["k2"]','{"client_id":"c-k2-1"}','2026-01-10T22:03:03.260174+00:00');
CREATE TABLE claims (
  object       text not null,
  key          text not null,
  operation    integer not null,
  payload_hash text not null,
  row          text not null,            -- JSON of the row's columns, for the look-up
  claimed_at   text not null,
  ended_at     text,                     -- when the attempt ended; null while it is under way
  reason       text,
  run_id       text not null,
  primary key (object, key)
) without rowid;
INSERT INTO "claims" VALUES('clients','["k3"]',0,'320842854165841702487519622521262532351','{"id":"k3","name":"Ela"}','2026-01-10T22:03:05.285533+00:00','2026-01-10T22:03:05.434990+00:00','the look-up failed: status 500: planned','20260110T220304-4404fdf5');
CREATE TABLE fires (
  object    text not null,
  operation integer not null,
  at        text not null,
  primary key (object, operation)
) without rowid;
CREATE TABLE marks (
  object text not null,
  first  integer not null,
  last   integer not null check (last >= first)
);
INSERT INTO "marks" VALUES('items',1,1);
CREATE TABLE meta (
  name  text primary key,
  value text not null
) without rowid;
INSERT INTO "meta" VALUES('identity','aab16d7b7daf4d499c22e200b29353b2');
CREATE TABLE objects (
  object            text primary key,
  generation        integer not null default 0,   -- raised by every settle, in this file and in the DuckDB file
  open_run          text,                         -- the run whose marks and receipts stand below, if it did not end
  cursor            text,                         -- JSON; how far an incremental read or a feed has come
  full_at           text,                         -- when the source was last read whole
  unconfirmed_since text,                         -- since when some record is not confirmed
  once_done         integer not null default 0    -- `schedule: once`: everything was confirmed once
) without rowid;
INSERT INTO "objects" VALUES('clients',2,NULL,NULL,'2026-01-10T22:03:04.046513+00:00','2026-01-10T22:03:04.046513+00:00',0);
INSERT INTO "objects" VALUES('items',1,'20260110T220307-38224661',NULL,'2026-01-10T22:02:58.513195+00:00','2026-01-10T22:02:58.513195+00:00',0);
INSERT INTO "objects" VALUES('letters',1,NULL,'2',NULL,'2026-01-10T22:03:06.200693+00:00',0);
CREATE TABLE pauses (
  connection text primary key,
  since      text not null,
  until      text not null,
  reason     text not null,
  probes     integer not null
) without rowid;
CREATE TABLE progress (
  object       text not null,
  key          text not null,
  payload_hash text not null,
  step         integer not null,         -- the step to do next, from 0
  saved        text not null,            -- JSON
  primary key (object, key)
) without rowid;
CREATE TABLE receipts (
  object  text not null,
  first   integer not null,
  last    integer not null check (last >= first),
  outcome text not null check (outcome in ('confirmed', 'clean'))
);
INSERT INTO "receipts" VALUES('items',1,1,'confirmed');
CREATE TABLE rejections (
  object       text not null,
  key          text not null,
  stage        text not null,
  field        text,
  expression   text,
  status       integer,
  reason       text not null,
  payload_hash text,
  fingerprint  text not null,
  document     text,
  first_at     text not null,
  last_at      text not null,
  attempts     integer not null default 1,
  retry        integer not null default 0,   -- an operator asked for another try
  primary key (object, key)
) without rowid;
INSERT INTO "rejections" VALUES('items','["W2","E"]','target',NULL,NULL,422,'status 422: refused','77047280832449246657128464768276214042','5392ac9b6da31140df19380499ddf707',NULL,'2026-01-10T22:03:00.903912+00:00','2026-01-10T22:03:00.903912+00:00',1,0);
INSERT INTO "rejections" VALUES('letters','["l4"]','target',NULL,NULL,NULL,'CHECK constraint failed: subject <> ''BAD''','72479325293362279545928314861503118848','83b9da29834ff33bc5d51747317bd357','{"document":{"id":"l4","subject":"BAD","lines":[]}}','2026-01-10T22:03:07.358458+00:00','2026-01-10T22:03:07.358458+00:00',1,0);
CREATE TABLE requests (
  id               integer primary key,
  run_id           text not null,
  object           text not null,
  at               text not null,
  method           text not null,
  target           text not null,
  lines            integer not null,
  status           integer,               -- null: no answer
  outcome          text not null,         -- confirmed, refused, retried, ...
  reason           text,
  duration_seconds real not null
);
INSERT INTO "requests" VALUES(1,'20260110T220258-5991caae','items','2026-01-10T22:03:00.142395+00:00','POST','/items/W1',2,200,'confirmed',NULL,7.6531434000571607612e-02);
INSERT INTO "requests" VALUES(2,'20260110T220258-5991caae','items','2026-01-10T22:03:00.537951+00:00','POST','/items/W2',2,422,'refused','status 422: refused',1.53245910005352925509e-02);
INSERT INTO "requests" VALUES(3,'20260110T220258-5991caae','items','2026-01-10T22:03:00.637671+00:00','POST','/items/W2',1,200,'confirmed',NULL,1.385847699930309318e-02);
INSERT INTO "requests" VALUES(4,'20260110T220258-5991caae','items','2026-01-10T22:03:00.860298+00:00','POST','/items/W2',1,422,'refused','status 422: refused',9.4537329987360863015e-03);
INSERT INTO "requests" VALUES(5,'20260110T220301-fe984647','clients','2026-01-10T22:03:03.128511+00:00','POST','/clients',1,201,'confirmed',NULL,3.01884619984775781631e-02);
INSERT INTO "requests" VALUES(6,'20260110T220301-fe984647','clients','2026-01-10T22:03:03.213500+00:00','POST','/clients',1,201,'confirmed',NULL,2.09336469997651875019e-02);
INSERT INTO "requests" VALUES(7,'20260110T220304-4404fdf5','clients','2026-01-10T22:03:05.349203+00:00','POST','/clients',1,NULL,'unknown','the connection broke: connection reset by peer',2.2798341999077820219e-02);
INSERT INTO "requests" VALUES(8,'20260110T220304-4404fdf5','clients','2026-01-10T22:03:05.424849+00:00','GET','/clients',1,500,'unknown','the look-up failed: status 500: planned',3.08320070016634417697e-02);
INSERT INTO "requests" VALUES(9,'20260110T220304-4404fdf5','clients','2026-01-10T22:03:05.515910+00:00','PUT','/clients/c-k2-1',1,204,'confirmed',NULL,8.86980998984654434025e-04);
INSERT INTO "requests" VALUES(10,'20260110T220306-955c003e','letters','2026-01-10T22:03:07.218677+00:00','WRITE','erp',2,NULL,'per line',NULL,2.19690513999012182466e-01);
INSERT INTO "requests" VALUES(11,'20260110T220307-38224661','items','2026-01-10T22:03:09.332435+00:00','POST','/items/W1',1,200,'confirmed',NULL,8.10320429991406854242e-02);
CREATE TABLE runs (
  run_id           text not null,
  object           text not null,
  started_at       text not null,
  ended_at         text,                  -- null: still running, or killed
  status           text,
  counts           text,                  -- JSON
  duration_seconds real,
  error_code       text,
  error            text,
  exit             integer,
  notes            text not null default '[]',
  primary key (object, started_at, run_id)
) without rowid;
INSERT INTO "runs" VALUES('20260110T220301-fe984647','clients','2026-01-10T22:03:01.596149+00:00','2026-01-10T22:03:03.948128+00:00','success','{"extracted": 2, "unchanged": 0, "added": 2, "changed": 0, "removed": 0, "confirmed": 2, "rejected": 0, "waiting": 0, "unknown": 0, "withheld": 0, "failed": 0, "not_due": 0, "unhandled_changed": 0, "unhandled_removed": 0, "requests": 2, "retries": 0, "splits": 0}',2.351754,NULL,NULL,NULL,'[]');
INSERT INTO "runs" VALUES('20260110T220304-4404fdf5','clients','2026-01-10T22:03:04.046513+00:00','2026-01-10T22:03:05.924955+00:00','partial','{"extracted": 3, "unchanged": 1, "added": 1, "changed": 1, "removed": 0, "confirmed": 1, "rejected": 0, "waiting": 0, "unknown": 1, "withheld": 0, "failed": 0, "not_due": 0, "unhandled_changed": 0, "unhandled_removed": 0, "requests": 3, "retries": 0, "splits": 0}',1.878314,NULL,NULL,NULL,'[]');
INSERT INTO "runs" VALUES('20260110T220258-5991caae','items','2026-01-10T22:02:58.513195+00:00','2026-01-10T22:03:01.414785+00:00','partial','{"extracted": 4, "unchanged": 0, "added": 4, "changed": 0, "removed": 0, "confirmed": 3, "rejected": 1, "waiting": 0, "unknown": 0, "withheld": 0, "failed": 0, "not_due": 0, "unhandled_changed": 0, "unhandled_removed": 0, "requests": 4, "retries": 0, "splits": 1}',2.901382,NULL,NULL,NULL,'[]');
INSERT INTO "runs" VALUES('20260110T220307-38224661','items','2026-01-10T22:03:07.941001+00:00',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'[]');
INSERT INTO "runs" VALUES('20260110T220306-955c003e','letters','2026-01-10T22:03:06.200693+00:00','2026-01-10T22:03:07.610089+00:00','partial','{"extracted": 2, "unchanged": 0, "added": 2, "changed": 0, "removed": 0, "confirmed": 1, "rejected": 1, "waiting": 0, "unknown": 0, "withheld": 0, "failed": 0, "not_due": 0, "unhandled_changed": 0, "unhandled_removed": 0, "requests": 4, "retries": 0, "splits": 0}',1.409263,NULL,NULL,NULL,'[]');
CREATE INDEX marks_by_object on marks (object);
CREATE INDEX receipts_by_end on receipts (object, outcome, last);
CREATE INDEX runs_by_time on runs (started_at);
CREATE INDEX requests_by_object on requests (object, id);
COMMIT;
