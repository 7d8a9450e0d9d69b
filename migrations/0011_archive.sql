-- Old months leave the database for files, and may come back. Leaves, tiles and checkpoints stay for ever, so that an
-- event of an archived month is still proven. SQLSTATE AS007: this month can't be moved like this now; the text says why,
-- and quotes nothing but names of months and tenants.

-- One file of a tenant's records of a month. `manifest` is signed (a JWS); it tells what stands here, and more.
CREATE TABLE assay.archive (
  month date NOT NULL CHECK (extract(day FROM month) = 1),
  tenant text NOT NULL,
  place text NOT NULL,
  sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
  manifest text NOT NULL,
  rows bigint NOT NULL CHECK (rows > 0),
  first_seq bigint NOT NULL,
  last_seq bigint NOT NULL CHECK (last_seq >= first_seq),
  archived_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  verified_at timestamptz,
  dropped_at timestamptz,
  restored_at timestamptz,
  CHECK (dropped_at IS NULL OR verified_at IS NOT NULL),
  PRIMARY KEY (month, tenant)
);
CREATE TRIGGER no_removal BEFORE DELETE OR TRUNCATE ON assay.archive
  FOR EACH STATEMENT EXECUTE FUNCTION assay.refuse_change();
ALTER TABLE assay.archive ENABLE ALWAYS TRIGGER no_removal;

-- The partition of a month, attached or not; null where there is none.
CREATE FUNCTION assay.month_table(in_month date) RETURNS regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT to_regclass('assay.record_' || to_char(in_month::timestamp, 'YYYY_MM'))
$$;

CREATE FUNCTION assay.is_attached(part regclass) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = part AND i.inhparent = 'assay.record'::regclass)
$$;

-- The first event ID of a month, and the first after it.
CREATE FUNCTION assay.month_bounds(in_month date, OUT first uuid, OUT beyond uuid)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT assay.first_event(in_month::timestamp AT TIME ZONE 'UTC'),
    assay.first_event((in_month + interval '1 month') AT TIME ZONE 'UTC')
$$;

-- Like 0007, but a month whose records lie in files is not begun anew: what came for it would be two histories of one
-- month. An append for it finds no partition, and fails.
CREATE OR REPLACE FUNCTION assay.make_month(in_month date) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  first date := date_trunc('month', in_month::timestamp)::date;
  name text := 'record_' || to_char(first, 'YYYY_MM');
BEGIN
  IF to_regclass('assay.' || name) IS NOT NULL THEN
    RETURN false;
  END IF;
  IF EXISTS (SELECT FROM assay.archive a WHERE a.month = first) THEN
    RAISE EXCEPTION 'the month % is archived: restore it', to_char(first, 'YYYY-MM') USING ERRCODE = 'AS007';
  END IF;
  EXECUTE format(
    'CREATE TABLE assay.%I PARTITION OF assay.record FOR VALUES FROM (%L) TO (%L)', name,
    (SELECT b.first FROM assay.month_bounds(first) b), (SELECT b.beyond FROM assay.month_bounds(first) b)
  );
  EXECUTE format(
    'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON assay.%I'
    ' FOR EACH STATEMENT EXECUTE FUNCTION assay.refuse_change()', name
  );
  EXECUTE format('ALTER TABLE assay.%I ENABLE ALWAYS TRIGGER append_only', name);
  RETURN true;
END
$$;

-- Refuses a month that something still needs here: a run, the tree, or a legal hold (assay.hold, of 0010).
CREATE FUNCTION assay.require_movable(in_month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  name text := to_char(in_month::timestamp, 'YYYY-MM');
  part regclass := assay.month_table(in_month);
  bounds record;
  held text;
BEGIN
  IF extract(day FROM in_month) <> 1 THEN
    RAISE EXCEPTION '% is no first of a month', in_month USING ERRCODE = 'AS007';
  END IF;
  SELECT b.first, b.beyond INTO bounds FROM assay.month_bounds(in_month) b;
  IF (in_month + interval '1 month') AT TIME ZONE 'UTC' > clock_timestamp() - interval '40 days' THEN
    RAISE EXCEPTION 'the month % is not over for 40 days: runs may still record in it', name USING ERRCODE = 'AS007';
  END IF;
  IF part IS NULL THEN
    RAISE EXCEPTION 'there are no records of % here', name USING ERRCODE = 'AS007';
  END IF;
  IF EXISTS (SELECT FROM assay.pending p WHERE p.event_id >= bounds.first AND p.event_id < bounds.beyond) THEN
    RAISE EXCEPTION 'records of % wait for the tree', name USING ERRCODE = 'AS007';
  END IF;
  IF to_regclass('assay.hold') IS NOT NULL THEN
    EXECUTE 'LOCK TABLE assay.hold IN SHARE MODE'; -- a hold that is being placed comes before, or waits
    EXECUTE format(
      'SELECT h.tenant FROM assay.hold h WHERE h.released_at IS NULL AND EXISTS (SELECT FROM %s r'
      ' WHERE r.tenant = h.tenant AND (h.subject IS NULL OR r.subject = h.subject)) ORDER BY 1 LIMIT 1', part
    ) INTO held;
    IF held IS NOT NULL THEN
      RAISE EXCEPTION 'a legal hold of the tenant % needs records of %', held, name USING ERRCODE = 'AS007';
    END IF;
  END IF;
END
$$;

-- Months with a table here that are over for `keep_months` whole months, oldest first; without those that were restored
-- within `stay`.
CREATE FUNCTION assay.months_due(keep_months integer, stay interval) RETURNS SETOF date
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT m.month FROM (
    SELECT to_date(right(c.relname, 7), 'YYYY_MM') AS month FROM pg_class c
    WHERE c.relnamespace = 'assay'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^record_[0-9]{4}_[0-9]{2}$'
  ) m
  WHERE (m.month + make_interval(months => 1 + greatest(keep_months, 1))) AT TIME ZONE 'UTC' <= clock_timestamp()
    AND NOT EXISTS (
      SELECT FROM assay.archive a WHERE a.month = m.month AND a.restored_at > clock_timestamp() - stay
    )
  ORDER BY m.month
$$;

-- Takes a month out of the log: nobody but the archiver reads it from here, and an append for it finds no partition.
-- Gives false where that was done before. Waits a quarter of a second for the table: appends queue behind it.
CREATE FUNCTION assay.detach_month(in_month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  part regclass := assay.month_table(in_month);
BEGIN
  PERFORM assay.require_movable(in_month);
  PERFORM set_config('lock_timeout', '250ms', true);
  EXECUTE format('GRANT SELECT ON %s TO assay_archiver', part);
  IF NOT assay.is_attached(part) THEN
    RETURN false;
  END IF;
  EXECUTE format('ALTER TABLE assay.record DETACH PARTITION %s', part);
  RETURN true;
END
$$;

-- Puts a month back that was taken out. One that was dropped before takes nothing new: its history is in the files.
CREATE FUNCTION assay.attach_month(in_month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  part regclass := assay.month_table(in_month);
  bounds record;
BEGIN
  IF part IS NULL OR assay.is_attached(part) THEN
    RETURN false;
  END IF;
  SELECT b.first, b.beyond INTO bounds FROM assay.month_bounds(in_month) b;
  PERFORM set_config('lock_timeout', '250ms', true);
  IF EXISTS (SELECT FROM assay.archive a WHERE a.month = in_month AND a.dropped_at IS NOT NULL) THEN
    -- A row trigger, since a statement on the parent fires no statement trigger of a partition.
    EXECUTE format('DROP TRIGGER IF EXISTS closed ON %s', part);
    EXECUTE format(
      'CREATE TRIGGER closed BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION assay.refuse_change()', part
    );
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER closed', part);
  END IF;
  EXECUTE format('REVOKE SELECT ON %s FROM assay_archiver', part);
  EXECUTE format(
    'ALTER TABLE assay.record ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', part, bounds.first, bounds.beyond
  );
  RETURN true;
END
$$;

-- Notes a tenant's file. What was dropped on its account is never noted anew.
CREATE FUNCTION assay.keep_archive(
  in_month date, of_tenant text, at_place text, file_sha256 bytea, signed text, row_count bigint, seq_from bigint,
  seq_to bigint
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF assay.month_table(in_month) IS NULL OR assay.is_attached(assay.month_table(in_month)) THEN
    RAISE EXCEPTION 'the month % is not being archived', to_char(in_month::timestamp, 'YYYY-MM')
      USING ERRCODE = 'AS007';
  END IF;
  INSERT INTO assay.archive AS a (month, tenant, place, sha256, manifest, rows, first_seq, last_seq)
  VALUES (in_month, of_tenant, at_place, file_sha256, signed, row_count, seq_from, seq_to)
  ON CONFLICT (month, tenant) DO UPDATE SET place = at_place, sha256 = file_sha256, manifest = signed,
    rows = row_count, first_seq = seq_from, last_seq = seq_to, archived_at = clock_timestamp(), verified_at = NULL
    WHERE a.dropped_at IS NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'records of % were dropped on account of another file', of_tenant USING ERRCODE = 'AS007';
  END IF;
END
$$;

-- Notes that the file was read back, and holds.
CREATE FUNCTION assay.archive_verified(in_month date, of_tenant text, file_sha256 bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE assay.archive a SET verified_at = clock_timestamp()
  WHERE a.month = in_month AND a.tenant = of_tenant AND a.sha256 = file_sha256;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'another file is noted for %', of_tenant USING ERRCODE = 'AS007';
  END IF;
END
$$;

-- Drops a month that lies in verified files, row for row of each tenant. Of a month that was dropped before, there are
-- only such rows here as came from its files.
CREATE FUNCTION assay.drop_month(in_month date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  name text := to_char(in_month::timestamp, 'YYYY-MM');
  part regclass := assay.month_table(in_month);
  total bigint;
  missing text;
BEGIN
  PERFORM assay.require_movable(in_month);
  IF assay.is_attached(part) THEN
    RAISE EXCEPTION 'the month % is still a part of the log', name USING ERRCODE = 'AS007';
  END IF;
  EXECUTE format(
    'SELECT string_agg(t.tenant, '', '' ORDER BY t.tenant) FILTER (WHERE a.tenant IS NULL), coalesce(sum(t.rows), 0)'
    ' FROM (SELECT r.tenant, count(*) AS rows FROM %s r GROUP BY r.tenant) t LEFT JOIN assay.archive a'
    ' ON a.month = $1 AND a.tenant = t.tenant AND a.verified_at IS NOT NULL'
    ' AND (a.rows = t.rows OR a.dropped_at IS NOT NULL)', part
  ) INTO missing, total USING in_month;
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION 'records of % are in no verified file: %', name, missing USING ERRCODE = 'AS007';
  END IF;
  PERFORM set_config('lock_timeout', '250ms', true);
  EXECUTE format('DROP TABLE %s', part);
  UPDATE assay.archive a SET dropped_at = coalesce(a.dropped_at, clock_timestamp()), restored_at = NULL
  WHERE a.month = in_month;
  RETURN total;
END
$$;

-- A place for records that come back: an empty table beside the log, or the restored month, taken out for more tenants.
CREATE FUNCTION assay.begin_restore(in_month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  part regclass := assay.month_table(in_month);
  name text := 'record_' || to_char(in_month::timestamp, 'YYYY_MM');
BEGIN
  IF NOT EXISTS (SELECT FROM assay.archive a WHERE a.month = in_month AND a.dropped_at IS NOT NULL) THEN
    RAISE EXCEPTION 'the month % is not archived', to_char(in_month::timestamp, 'YYYY-MM') USING ERRCODE = 'AS007';
  END IF;
  PERFORM set_config('lock_timeout', '250ms', true);
  IF part IS NULL THEN
    EXECUTE format('CREATE TABLE assay.%I (LIKE assay.record INCLUDING ALL)', name);
    EXECUTE format(
      'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON assay.%I'
      ' FOR EACH STATEMENT EXECUTE FUNCTION assay.refuse_change()', name
    );
    EXECUTE format('ALTER TABLE assay.%I ENABLE ALWAYS TRIGGER append_only', name);
  ELSE
    IF assay.is_attached(part) THEN
      EXECUTE format('ALTER TABLE assay.record DETACH PARTITION %s', part);
    END IF;
    EXECUTE format('DROP TRIGGER IF EXISTS closed ON %s', part);
  END IF;
END
$$;

-- Puts records back: only such as the tree has a leaf for, of that tenant and month. Readers recompute each digest.
CREATE FUNCTION assay.restore_rows(in_month date, of_tenant text, records json) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  part regclass := assay.month_table(in_month);
  bounds record;
  done bigint;
BEGIN
  IF part IS NULL OR assay.is_attached(part) OR NOT EXISTS (
    SELECT FROM assay.archive a WHERE a.month = in_month AND a.tenant = of_tenant AND a.dropped_at IS NOT NULL
  ) THEN
    RAISE EXCEPTION 'the month % is not being restored', to_char(in_month::timestamp, 'YYYY-MM')
      USING ERRCODE = 'AS007';
  END IF;
  SELECT b.first, b.beyond INTO bounds FROM assay.month_bounds(in_month) b;
  EXECUTE format(
    'INSERT INTO %s (event_id, schema, tenant, kind, recorded_at, workflow_id, run_id, subject, fields, key_id,'
    ' subject_key, ciphertext, content_mac, digest, stored_at)'
    ' SELECT e.event_id, e.schema, e.tenant, e.kind, e.recorded_at, e.workflow_id, e.run_id, e.subject, e.fields,'
    ' e.key_id, e.subject_key, decode(e.ciphertext, ''base64''), decode(e.content_mac, ''hex''), l.digest, e.stored_at'
    ' FROM json_to_recordset($1) AS e (event_id uuid, schema smallint, tenant text, kind text, recorded_at timestamptz,'
    ' workflow_id text, run_id text, subject text, fields json, key_id text, subject_key uuid, ciphertext text,'
    ' content_mac text, digest text, stored_at timestamptz)'
    ' JOIN assay.leaf l ON l.event_id = e.event_id AND l.tenant = e.tenant AND l.digest = decode(e.digest, ''hex'')'
    ' WHERE e.tenant = $2 AND e.event_id >= $3 AND e.event_id < $4 ON CONFLICT (event_id) DO NOTHING', part
  ) USING records, of_tenant, bounds.first, bounds.beyond;
  GET DIAGNOSTICS done = ROW_COUNT;
  RETURN done;
END
$$;

-- Ends a restore: the month is a part of the log again, and takes nothing new. Refused unless each of these tenants has
-- all its records back.
CREATE FUNCTION assay.end_restore(in_month date, tenants text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  part regclass := assay.month_table(in_month);
  missing text;
BEGIN
  IF part IS NULL OR NOT EXISTS (
    SELECT FROM assay.archive a WHERE a.month = in_month AND a.dropped_at IS NOT NULL
  ) THEN
    RAISE EXCEPTION 'the month % is not being restored', to_char(in_month::timestamp, 'YYYY-MM')
      USING ERRCODE = 'AS007';
  END IF;
  EXECUTE format(
    'SELECT string_agg(w.tenant, '', '' ORDER BY w.tenant) FROM unnest($2) w (tenant) LEFT JOIN assay.archive a'
    ' ON a.month = $1 AND a.tenant = w.tenant'
    ' WHERE a.rows IS DISTINCT FROM (SELECT count(*) FROM %s r WHERE r.tenant = w.tenant)', part
  ) INTO missing USING in_month, tenants;
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION 'not all records are back of: %', missing USING ERRCODE = 'AS007';
  END IF;
  PERFORM assay.attach_month(in_month);
  UPDATE assay.archive a SET restored_at = clock_timestamp() WHERE a.month = in_month AND a.tenant = ANY (tenants);
END
$$;

REVOKE ALL ON FUNCTION assay.month_table, assay.is_attached, assay.month_bounds, assay.make_month, assay.require_movable,
  assay.months_due, assay.detach_month, assay.attach_month, assay.keep_archive, assay.archive_verified, assay.drop_month,
  assay.begin_restore, assay.restore_rows, assay.end_restore FROM PUBLIC;
GRANT EXECUTE ON FUNCTION assay.month_table, assay.is_attached, assay.month_bounds, assay.first_event TO assay_archiver;
GRANT EXECUTE ON FUNCTION assay.months_due, assay.detach_month, assay.attach_month, assay.keep_archive,
  assay.archive_verified, assay.drop_month, assay.begin_restore, assay.restore_rows, assay.end_restore
  TO assay_archiver;
-- It records what it did, and nothing else can be written with it: append() puts each record before the tree.
GRANT EXECUTE ON FUNCTION assay.append TO assay_archiver;
GRANT SELECT ON assay.archive TO assay_archiver, assay_auditor;
