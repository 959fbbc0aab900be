-- journal.sqlite, layout 3, as a new file is laid out. Times are ISO texts in UTC; keys are JSON arrays (records.key_text).

create table meta (
  name  text primary key,
  value text not null
) without rowid;

-- One row an object that was ever settled.
create table objects (
  object            text primary key,
  generation        integer not null default 0,   -- raised by every settle, in this file and in the DuckDB file
  open_run          text,                         -- the run whose marks and receipts stand below, if it did not end
  cursor            text,                         -- JSON; how far an incremental read or a feed has come
  full_at           text,                         -- when the source was last read whole
  unconfirmed_since text,                         -- since when some record is not confirmed
  once_done         integer not null default 0,   -- `schedule: once`: everything was confirmed once
  settling          integer not null default 0,   -- the generation that the DuckDB file may be at by now
  ends              text                          -- JSON by role (target, source): the ends that all this speaks of
) without rowid;

-- Ranges of sequence numbers about to be sent; between mark and receipt a record is uncertain.
create table marks (
  object text not null,
  first  integer not null,
  last   integer not null check (last >= first)
);
create index marks_by_object on marks (object);

-- What became of marked ranges: the target confirmed them, or certainly did nothing with them.
create table receipts (
  object  text not null,
  first   integer not null,
  last    integer not null check (last >= first),
  outcome text not null check (outcome in ('confirmed', 'clean', 'gone'))
);
create index receipts_by_end on receipts (object, outcome, last);

-- A creating request that left, or was about to, and whose answer is not known.
create table claims (
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

-- Values saved from the target's answers; a record with a binding exists at the target.
create table bindings (
  object   text not null,
  key      text not null,
  saved    text not null,                -- JSON
  bound_at text not null,
  primary key (object, key)
) without rowid;

-- How far a record of several steps has come.
create table progress (
  object       text not null,
  key          text not null,
  operation    integer not null,
  fingerprint  text not null,            -- of the mapping whose steps these are
  payload_hash text not null,            -- of what the steps before sent; '' where nobody knows
  step         integer not null,         -- the step to do next, from 0
  saved        text not null,            -- JSON
  primary key (object, key)
) without rowid;

create table rejections (
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
  retry        integer not null default 0,   -- 1: an operator asked for another try; 2: and a run has taken it up
  primary key (object, key)
) without rowid;

create table runs (
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
create index runs_by_time on runs (started_at);

create table requests (
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
create index requests_by_object on requests (object, id);
create index requests_by_time on requests (at);

-- Connections whose credentials were refused, or that asked for a long wait.
create table pauses (
  connection text primary key,
  since      text not null,
  until      text not null,
  reason     text not null,
  probes     integer not null
) without rowid;

-- Up to when the fires of an operation are served: the start of its last run that did, at first when it was first seen.
create table fires (
  object    text not null,
  operation integer not null,
  at        text not null,
  primary key (object, operation)
) without rowid;
