-- Policies, rates, quotas and records. Run as assay_owner; times are timestamptz, days are UTC days.

CREATE TABLE assay.policy (
  hash text PRIMARY KEY CHECK (hash ~ '^[0-9a-f]{64}$'),
  document bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One theoretical arrival time a caller (GCRA). Unlogged: a crash of the server forgets at most one window of requests,
-- and no request waits for a disk.
CREATE UNLOGGED TABLE assay.rate_bucket (
  tenant text NOT NULL,
  caller text NOT NULL,
  arrival timestamptz NOT NULL,
  PRIMARY KEY (tenant, caller)
) WITH (fillfactor = 50);

CREATE TABLE assay.quota_account (
  tenant text NOT NULL,
  caller text NOT NULL,
  day date NOT NULL,
  used bigint NOT NULL DEFAULT 0 CHECK (used >= 0),
  reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  PRIMARY KEY (tenant, caller, day)
) WITH (fillfactor = 50);

-- A reservation belongs to the day it was made, whenever it is closed. One without a caller was closed before it was made.
CREATE TABLE assay.reservation (
  id uuid PRIMARY KEY,
  tenant text NOT NULL,
  caller text,
  day date NOT NULL,
  tokens bigint NOT NULL CHECK (tokens >= 0),
  state text NOT NULL CHECK (state IN ('held', 'settled', 'refunded')),
  actual bigint CHECK (actual >= 0),
  made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  closed_at timestamptz,
  CHECK ((state = 'held') = (closed_at IS NULL)),
  CHECK (caller IS NOT NULL OR (state = 'refunded' AND tokens = 0))
);

-- `fields` is json, not jsonb: it keeps the text as it came, and the digest is over that.
CREATE TABLE assay.record (
  event_id uuid PRIMARY KEY,
  tenant text NOT NULL,
  kind text NOT NULL,
  recorded_at timestamptz NOT NULL,
  workflow_id text,
  run_id text,
  fields json NOT NULL,
  key_id text NOT NULL,
  ciphertext bytea NOT NULL,
  content_mac bytea NOT NULL CHECK (octet_length(content_mac) = 32),
  digest bytea NOT NULL CHECK (octet_length(digest) = 32),
  stored_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX record_newest ON assay.record (recorded_at, event_id);
CREATE INDEX record_newest_of_tenant ON assay.record (tenant, recorded_at, event_id);
CREATE INDEX record_of_workflow ON assay.record (workflow_id) WHERE workflow_id IS NOT NULL;

CREATE FUNCTION assay.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: it is append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'AS009';
END
$$;
REVOKE ALL ON FUNCTION assay.refuse_change() FROM PUBLIC;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON assay.record
  FOR EACH STATEMENT EXECUTE FUNCTION assay.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON assay.policy
  FOR EACH STATEMENT EXECUTE FUNCTION assay.refuse_change();
ALTER TABLE assay.record ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE assay.policy ENABLE ALWAYS TRIGGER append_only;

GRANT USAGE ON SCHEMA assay TO assay_api, assay_writer, assay_reader;
GRANT SELECT ON assay.record TO assay_reader;
