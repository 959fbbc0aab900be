-- <object>.duckdb, layout 2, as a new file is laid out, and the temporary tables of a run: what their rows and columns are.
--
-- Keys are JSON arrays (records.key_text), hashes MD5 as numbers, other values of the source canonical texts; times are
-- ISO texts in UTC. Behind the columns named here stand, where a table says so, those of the source, `c:<name>` (with
-- `c:file:<name>` and `c:path:<name>` of its files, and its children as JSON lists), and those of the references,
-- `r:<name>`: the saved values of the record referred to, as JSON. Both are varchar.

-- == in the file ==============================================================================================

-- Notes of the file: its layout, generation, journal, the run in `changes`, the kinds of the ledger's columns ...
create table meta (
  name  varchar primary key,
  value varchar not null
);

-- What the target has confirmed: one row a record, with the columns of the source as they were last sent.
create table ledger (
  key          varchar not null,
  row_hash     uhugeint,                       -- null: never confirmed, or to be rendered again
  payload_hash uhugeint,                       -- null: never confirmed
  uncertain    boolean not null,               -- an attempt's outcome was not learnt
  removing     boolean not null default false, -- and that attempt, or one before it, was a removal
  confirmed_at varchar                         -- null: never
);

-- What a run sends: one row a change, in the order of delivery, with the columns of the source and of the references.
create table changes (
  seq          bigint,                         -- its number; null: taken as it is, nothing to send
  key          varchar not null,
  change       varchar not null,               -- added, changed, removed
  operation    integer,                        -- the entry of `send` that takes it
  grp          varchar,                        -- JSON array of the columns that one request never mixes
  row_hash     uhugeint,
  payload_hash uhugeint,
  line         varchar,                        -- the rendered line, JSON; null: removed
  saved        varchar                         -- the record's binding, JSON
);

-- The files that the last read named, so that only what was touched since then is read again.
create table files (
  path        varchar,
  size        bigint,
  modified_ns bigint,
  sha256      varchar
);

-- Known records that whole reads did not name any more, so that what is created later is not taken for them.
create table gone_before (
  key varchar
);

-- == the read, from the source ================================================================================

-- What the source says now: one row a row of it, with its columns.
create temp table staged (
  n       bigint,                              -- from 0, in the order of the read
  key     varchar,
  missing boolean,                             -- a part of its key is null
  gone    boolean                              -- the source names it to say that it is gone
);

-- Rows of the read that hold what cannot be taken.
create temp table faults (
  n      bigint,                               -- of staged
  reason varchar
);

-- Of what kind the values of a read's columns are: rows one after another that have, or are null, the same.
create temp table kinds_seen (
  name  varchar,                               -- of the column
  first bigint,                                -- of staged, or of children
  last  bigint,
  kind  varchar
);

-- Rows of the children that hold what cannot be taken.
create temp table child_faults (
  n      bigint,                               -- of children
  reason varchar
);

-- The rows of one kind of children, with their own columns, until they stand in `staged` as JSON lists.
create temp table children (
  n bigint                                     -- from 0, in the order of the read
);

-- What one kind of file is, for each row of the read that has it.
create temp table found_file (
  n      bigint,                               -- of staged
  sha256 varchar,                              -- of its content
  path   varchar                               -- null: its content is a column
);

-- Files that cannot be used.
create temp table file_faults (
  n      bigint,                               -- of staged
  field  varchar,
  reason varchar
);

-- == what the journal knows ===================================================================================

-- Records that exist at the target. Each reference has such a table of the object it names: `ref:<name>`.
create temp table bound (
  key   varchar,
  saved varchar                                -- values of the target's answers, JSON
);

-- Records whose create has gone some steps and is not finished.
create temp table begun (
  key   varchar,
  saved varchar                                -- by its steps, JSON
);

-- Records whose create left, and the outcome was not learnt.
create temp table claimed (
  key varchar
);

-- Records that were refused, and stay so with the same payload under the same mapping.
create temp table remembered (
  key          varchar,
  payload_hash varchar,                        -- null: to be tried again
  fingerprint  varchar                         -- of the mapping
);

-- == the comparison ===========================================================================================

-- Keys that this read refuses for their data, at whatever step.
create temp table refused (
  key          varchar,
  rows         bigint,                         -- of the read, that have this key
  stage        varchar,                        -- key, render, schema, limit
  field        varchar,
  expression   varchar,
  reason       varchar,
  payload_hash varchar
);

-- Records that are compared and not rendered: over a limit, or without the file they name. They are refused if they differ.
create temp table set_aside (
  key    varchar,
  stage  varchar,
  field  varchar,
  reason varchar
);

-- Whatever the read or the ledger holds (a view), with the columns of the source.
create temp table records (
  key              varchar,
  removed          boolean,                    -- gone from the source: its columns are those of the ledger
  old_row_hash     uhugeint,                   -- of the ledger
  old_payload_hash uhugeint,
  uncertain        boolean,
  held             boolean                     -- by the ledger, be it only as uncertain
);

-- The same (a view), with the columns of the references and what makes them differ.
create temp table described (
  key              varchar,
  removed          boolean,
  old_row_hash     uhugeint,
  old_payload_hash uhugeint,
  uncertain        boolean,
  held             boolean,
  saved            varchar,                    -- its binding, or what the steps of its create have saved, JSON
  row_hash         uhugeint,                   -- of today's mapping, columns and references
  change           varchar
);

-- Records that may have to be sent, with the columns of the source and of the references: new, different, uncertain, gone.
create temp table candidates (
  n                bigint,                     -- from 1, in the order of delivery
  key              varchar,
  change           varchar,                    -- added, changed, removed
  operation        integer,                    -- the entry of `send` that takes it; null: none does
  grp              varchar,                    -- as in `changes`
  saved            varchar,                    -- its binding, JSON
  row_hash         uhugeint,
  old_payload_hash uhugeint,                   -- that was confirmed
  uncertain        boolean,
  disposition      varchar                     -- send, not_due, unhandled, unknown, adopt, waiting, set_aside, withheld
);

-- Candidates that are a loss for the target (a view): removed, or without all the children they had.
create temp table lost (
  n      bigint,                               -- of candidates
  key    varchar,
  change varchar
);

-- Records about to be created that are no more attempts of what was let go before.
create temp table created (
  key     varchar,
  to_send boolean                              -- false: it waits for a reference
);

-- Keys that were sent once, or are bound, and that the read does not name.
create temp table absent (
  key varchar
);

-- Those of them that the whole reads before named.
create temp table newly_gone (
  key varchar
);

-- Pairs of a key about to be created and one that is absent and differs only in its writing.
create temp table rewritten (
  key  varchar,
  gone varchar
);

-- Pairs of a new key and one that is newly gone, whose records are equal but for their keys.
create temp table alike (
  key  varchar,
  gone varchar
);

-- Bindings of another object, which the project has no more.
create temp table bound_before (
  key   varchar,
  saved varchar
);

-- == the changes ==============================================================================================

-- Lines of the candidates that could be rendered.
create temp table lines (
  n    bigint,                                 -- of candidates
  line varchar                                 -- JSON
);

-- What becomes of each candidate, now that its payload is known.
create temp table decided (
  n            bigint,                         -- of candidates
  key          varchar,
  change       varchar,
  uncertain    boolean,
  payload_hash uhugeint,
  verdict      varchar                         -- a disposition, or rejected, remembered, same (confirmed already)
);

-- The numbers of those that are sent.
create temp table numbered (
  n   bigint,                                  -- of candidates
  seq bigint                                   -- of changes
);

-- A change that is numbered once more, for a later operation of the run: its columns are those of `changes`.
create temp table once_more (
  seq          bigint,
  key          varchar,
  change       varchar,
  operation    integer,
  grp          varchar,
  row_hash     uhugeint,
  payload_hash uhugeint,
  line         varchar,
  saved        varchar
);

-- == carrying over ============================================================================================

-- Records of the read that are known under another key.
create temp table other_keys (
  old varchar,
  key varchar                                  -- that they have now
);

-- == settling =================================================================================================

-- Ranges of changes of which the journal knows what became of them.
create temp table judged (
  first   bigint,                              -- seq of changes
  last    bigint,
  verdict varchar                              -- confirmed, gone, uncertain
);

-- Changes of which something became (a view).
create temp table verdicts (
  seq     bigint,
  key     varchar,
  verdict varchar                              -- as in `judged`
);

-- The change that decides what the ledger holds of a key: the last one confirmed, else gone, else the last one.
create temp table settled (
  place   bigint,                              -- row of changes
  key     varchar,
  seq     bigint,
  change  varchar,
  verdict varchar
);

-- What the ledger held of those keys and goes on to hold.
create temp table before (
  key          varchar,
  row_hash     uhugeint,
  payload_hash uhugeint,
  removing     boolean,
  confirmed_at varchar
);

-- == after a lost journal =====================================================================================

-- Records of which the journal knows a binding or a claim.
create temp table known (
  key varchar
);

-- Records of the ledger that are not among them.
create temp table unbound (
  key       varchar,
  confirmed boolean                            -- it was, once
);
