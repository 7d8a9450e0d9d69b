-- The log that can be verified: records by the month, who they are about, and a Merkle tree over them for each tenant.
-- SQLSTATE AS005: the person's key was erased meanwhile; take the new one.

-- Records move to a table by months of their event IDs, which begin with the time (UUIDv7, RFC 9562).
ALTER TABLE assay.record RENAME TO record_before;
ALTER INDEX assay.record_pkey RENAME TO record_before_pkey;
DROP INDEX assay.record_newest, assay.record_newest_of_tenant, assay.record_of_workflow;

-- `subject` is a keyed hash of the person, and `subject_key` the key that the sealed part is under: a part of the digest
-- since schema 2.
CREATE TABLE assay.record (
  event_id uuid PRIMARY KEY,
  schema smallint NOT NULL,
  tenant text NOT NULL,
  kind text NOT NULL,
  recorded_at timestamptz NOT NULL,
  workflow_id text,
  run_id text,
  subject text,
  fields json NOT NULL,
  key_id text NOT NULL,
  subject_key uuid,
  ciphertext bytea NOT NULL,
  content_mac bytea NOT NULL CHECK (octet_length(content_mac) = 32),
  digest bytea NOT NULL CHECK (octet_length(digest) = 32),
  stored_at timestamptz NOT NULL DEFAULT clock_timestamp()
) PARTITION BY RANGE (event_id);
ALTER TABLE assay.record ALTER COLUMN ciphertext SET STORAGE EXTERNAL; -- ciphertext does not get smaller
CREATE INDEX record_newest ON assay.record (recorded_at, event_id);
CREATE INDEX record_newest_of_tenant ON assay.record (tenant, recorded_at, event_id);
CREATE INDEX record_of_workflow ON assay.record (workflow_id) WHERE workflow_id IS NOT NULL;
CREATE INDEX record_of_subject ON assay.record (tenant, subject) WHERE subject IS NOT NULL;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON assay.record
  FOR EACH STATEMENT EXECUTE FUNCTION assay.refuse_change();
ALTER TABLE assay.record ENABLE ALWAYS TRIGGER append_only;

-- The least event ID of a moment.
CREATE FUNCTION assay.first_event(moment timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

CREATE FUNCTION assay.event_time(event uuid) RETURNS timestamptz
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT to_timestamp(('x' || left(replace(event::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
$$;

-- The partition of one UTC month, such as record_2026_11. A trigger of the parent does not fire for statements on a part.
CREATE FUNCTION assay.make_month(in_month date) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  first timestamp := date_trunc('month', in_month::timestamp);
  name text := 'record_' || to_char(first, 'YYYY_MM');
BEGIN
  IF to_regclass('assay.' || name) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format(
    'CREATE TABLE assay.%I PARTITION OF assay.record FOR VALUES FROM (%L) TO (%L)', name,
    assay.first_event(first AT TIME ZONE 'UTC'), assay.first_event((first + interval '1 month') AT TIME ZONE 'UTC')
  );
  EXECUTE format(
    'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON assay.%I'
    ' FOR EACH STATEMENT EXECUTE FUNCTION assay.refuse_change()', name
  );
  EXECUTE format('ALTER TABLE assay.%I ENABLE ALWAYS TRIGGER append_only', name);
  RETURN true;
END
$$;

-- The months from the last one until `ahead` months from now; gives how many were made. A run's events belong to the
-- month it began in, and a run lasts for days.
CREATE FUNCTION assay.make_months(ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  this_month timestamp := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC');
  made integer := 0;
  step integer;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('assay.make_months'));
  FOR step IN -1 .. least(ahead, 24) LOOP
    made := made + assay.make_month((this_month + make_interval(months => step))::date)::integer;
  END LOOP;
  RETURN made;
END
$$;

-- Recorded, and not in the tree yet.
CREATE TABLE assay.pending (
  place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text NOT NULL,
  event_id uuid NOT NULL,
  digest bytea NOT NULL,
  added_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The tree's leaves, for ever: an entry is the digest of a record (RFC 9162 section 2.1 hashes it once more).
CREATE TABLE assay.leaf (
  tenant text NOT NULL,
  seq bigint NOT NULL CHECK (seq >= 0),
  event_id uuid NOT NULL UNIQUE,
  digest bytea NOT NULL CHECK (octet_length(digest) = 32),
  PRIMARY KEY (tenant, seq)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON assay.leaf
  FOR EACH STATEMENT EXECUTE FUNCTION assay.refuse_change();
ALTER TABLE assay.leaf ENABLE ALWAYS TRIGGER append_only;

-- Hashes of the tree, computed from the leaves: C2SP tlog-tiles of height 8, the last of a level growing.
CREATE TABLE assay.tile (
  tenant text NOT NULL,
  level smallint NOT NULL CHECK (level BETWEEN 0 AND 7),
  idx bigint NOT NULL CHECK (idx >= 0),
  hashes bytea NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
  PRIMARY KEY (tenant, level, idx)
);
ALTER TABLE assay.tile ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- `edge`: the roots of the perfect subtrees of a tree of `size` leaves, 32 bytes each, the largest first.
CREATE TABLE assay.log_head (
  tenant text PRIMARY KEY,
  size bigint NOT NULL CHECK (size >= 0),
  edge bytea NOT NULL DEFAULT ''
);

CREATE TABLE assay.checkpoint (
  tenant text NOT NULL,
  size bigint NOT NULL CHECK (size > 0),
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  note text NOT NULL,
  signed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, size)
);

-- Keys of persons, wrapped under a tenant's data key. Erasing one leaves the row, and what it sealed unreadable.
CREATE TABLE assay.subject_key (
  id uuid PRIMARY KEY,
  tenant text NOT NULL,
  subject text NOT NULL,
  data_key text NOT NULL,
  wrapped bytea,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  erased_at timestamptz,
  CHECK ((wrapped IS NULL) = (erased_at IS NOT NULL))
);
CREATE UNIQUE INDEX subject_key_current ON assay.subject_key (tenant, subject) WHERE erased_at IS NULL;
CREATE INDEX subject_key_of_subject ON assay.subject_key (tenant, subject);

-- The person's key, or the given one from now on.
CREATE FUNCTION assay.keep_subject_key(
  of_tenant text, of_subject text, new_id uuid, new_data_key text, new_wrapped bytea,
  OUT id uuid, OUT data_key text, OUT wrapped bytea
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  FOR attempt IN 1 .. 3 LOOP
    SELECT k.id, k.data_key, k.wrapped INTO id, data_key, wrapped FROM assay.subject_key k
    WHERE k.tenant = of_tenant AND k.subject = of_subject AND k.erased_at IS NULL;
    IF FOUND THEN
      RETURN;
    END IF;
    INSERT INTO assay.subject_key AS k (id, tenant, subject, data_key, wrapped)
    VALUES (new_id, of_tenant, of_subject, new_data_key, new_wrapped) ON CONFLICT DO NOTHING;
  END LOOP;
  RAISE EXCEPTION 'the key is being erased' USING ERRCODE = 'AS005';
END
$$;

-- What was recorded before: into its months, and into the tree.
DO $move$
DECLARE
  in_month date;
BEGIN
  FOR in_month IN
    SELECT DISTINCT date_trunc('month', assay.event_time(b.event_id) AT TIME ZONE 'UTC')::date
    FROM assay.record_before b
  LOOP
    PERFORM assay.make_month(in_month);
  END LOOP;
  PERFORM assay.make_months(3);
END
$move$;
INSERT INTO assay.record
  (event_id, schema, tenant, kind, recorded_at, workflow_id, run_id, fields, key_id, ciphertext, content_mac, digest,
   stored_at)
SELECT event_id, 1, tenant, kind, recorded_at, workflow_id, run_id, fields, key_id, ciphertext, content_mac, digest,
  stored_at
FROM assay.record_before;
INSERT INTO assay.pending (tenant, event_id, digest)
SELECT tenant, event_id, digest FROM assay.record_before ORDER BY stored_at, event_id;
DROP TABLE assay.record_before;
