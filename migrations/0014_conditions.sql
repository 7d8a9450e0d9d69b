-- One tenant's damaged log keeps no other from growing; a change of policy is recorded where it is made; a month that is
-- being archived can be verified. SQLSTATE AS012: a change of policy comes with its record.

-- Logs with leaves beyond their heads, found by sequence() below: an owner has made the head smaller, or removed it.
CREATE TABLE assay.stuck_log (
  tenant text PRIMARY KEY,
  since timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Whether the place that a log's head shows to be the next one is free. By the newest leaf, which the index has at hand:
-- asked whether there is any leaf beyond the head, a planner that expects many would look through all of them for one.
CREATE FUNCTION assay.can_grow(of_tenant text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce((SELECT l.seq FROM assay.leaf l WHERE l.tenant = of_tenant ORDER BY l.seq DESC LIMIT 1), -1)
    < coalesce((SELECT h.size FROM assay.log_head h WHERE h.tenant = of_tenant), 0)
$$;

-- Like 0009, but a log that can't grow is noted, and passed over until its head is what it was; its records wait.
CREATE OR REPLACE FUNCTION assay.sequence(most integer)
RETURNS TABLE (tenant text, seq bigint, event_id uuid, digest bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  known bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('assay.sequence')) THEN
    RETURN;
  END IF;
  DELETE FROM assay.stuck_log s WHERE assay.can_grow(s.tenant);
  LOOP
    known := (SELECT count(*) FROM assay.stuck_log);
    RETURN QUERY
      WITH next AS MATERIALIZED (
        SELECT p.place, p.tenant FROM assay.pending p WHERE p.tenant NOT IN (SELECT s.tenant FROM assay.stuck_log s)
        ORDER BY p.place LIMIT most
      ), stuck AS (
        INSERT INTO assay.stuck_log AS s (tenant)
        SELECT n.tenant FROM (SELECT DISTINCT m.tenant FROM next m) n WHERE NOT assay.can_grow(n.tenant)
        RETURNING s.tenant
      ), taken AS (
        DELETE FROM assay.pending p WHERE p.place = ANY (ARRAY( -- no join, which would be planned by last hour's statistics
          SELECT n.place FROM next n WHERE n.tenant <> ALL (ARRAY(SELECT s.tenant FROM stuck s))
        ))
        RETURNING p.place, p.tenant, p.event_id, p.digest
      ), grown AS (
        INSERT INTO assay.log_head AS h (tenant, size) SELECT t.tenant, count(*) FROM taken t GROUP BY t.tenant
        ON CONFLICT (tenant) DO UPDATE SET size = h.size + excluded.size
        RETURNING h.tenant, h.size
      )
      INSERT INTO assay.leaf AS l (tenant, seq, event_id, digest)
      SELECT t.tenant,
        g.size - count(*) OVER (PARTITION BY t.tenant) + row_number() OVER (PARTITION BY t.tenant ORDER BY t.place) - 1,
        t.event_id, t.digest
      FROM taken t JOIN grown g ON g.tenant = t.tenant
      RETURNING l.tenant, l.seq, l.event_id, l.digest;
    EXIT WHEN FOUND OR known = (SELECT count(*) FROM assay.stuck_log); -- else what comes behind these is to be moved
  END LOOP;
END
$$;

-- The newest turn of the policy: 0 and null before the first.
CREATE FUNCTION assay.policy_turn(OUT number bigint, OUT hash text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(max(t.number), 0), assay.current_policy() FROM assay.policy_turn t
$$;

-- Makes a policy current and records that, both or neither. True once it is current, whoever made it so; false if the
-- turn `after_turn` is not the newest any more, so that `r` would tell of another policy before. (The release before
-- this one calls make_policy_current of 0005, which records nothing.)
CREATE FUNCTION assay.change_policy(content_hash text, after_turn bigint, r assay.sealed_record) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  newest record;
BEGIN
  IF (r.tenant, r.kind, r.fields->>'policy') IS DISTINCT FROM ('system', 'policy_changed', content_hash) THEN
    RAISE EXCEPTION 'a change of policy comes with its record' USING ERRCODE = 'AS012';
  END IF;
  LOCK TABLE assay.policy_turn IN SHARE ROW EXCLUSIVE MODE;
  SELECT t.number, t.hash INTO newest FROM assay.policy_turn() t;
  IF newest.hash IS NOT DISTINCT FROM content_hash THEN
    RETURN true;
  END IF;
  IF newest.number <> after_turn THEN
    RETURN false;
  END IF;
  IF r.fields->>'policy_before' IS DISTINCT FROM newest.hash THEN
    RAISE EXCEPTION 'a change of policy comes with its record' USING ERRCODE = 'AS012';
  END IF;
  PERFORM assay.append(r);
  PERFORM assay.make_policy_current(content_hash);
  RETURN true;
END
$$;

-- Records by their events wherever their months lie in this database: in the log, or beside it while they are archived.
-- A month that is dropped meanwhile is in its files.
CREATE FUNCTION assay.records_here(events uuid[]) RETURNS SETOF assay.record
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  in_month date;
BEGIN
  FOR in_month IN
    SELECT DISTINCT date_trunc('month', assay.event_time(e.id) AT TIME ZONE 'UTC')::date FROM unnest(events) e (id)
  LOOP
    BEGIN
      IF assay.month_table(in_month) IS NOT NULL THEN
        RETURN QUERY EXECUTE format(
          'SELECT event_id, schema, tenant, kind, recorded_at, workflow_id, run_id, subject, fields, key_id,'
          ' subject_key, ciphertext, content_mac, digest, stored_at FROM %s WHERE event_id = ANY ($1)',
          assay.month_table(in_month)
        ) USING events;
      END IF;
    EXCEPTION WHEN undefined_table THEN
      NULL;
    END;
  END LOOP;
END
$$;

-- Like 0011, which could not know yet whether there would be holds.
CREATE OR REPLACE FUNCTION assay.require_movable(in_month date) RETURNS void
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
  LOCK TABLE assay.hold IN SHARE MODE; -- a hold that is being placed comes before, or waits
  EXECUTE format(
    'SELECT h.tenant FROM assay.hold h WHERE h.released_at IS NULL AND EXISTS (SELECT FROM %s r'
    ' WHERE r.tenant = h.tenant AND (h.subject IS NULL OR r.subject = h.subject)) ORDER BY 1 LIMIT 1', part
  ) INTO held;
  IF held IS NOT NULL THEN
    RAISE EXCEPTION 'a legal hold of the tenant % needs records of %', held, name USING ERRCODE = 'AS007';
  END IF;
END
$$;

REVOKE ALL ON FUNCTION assay.can_grow, assay.policy_turn, assay.change_policy, assay.records_here FROM PUBLIC;
GRANT EXECUTE ON FUNCTION assay.policy_turn, assay.change_policy TO assay_api;
GRANT EXECUTE ON FUNCTION assay.records_here TO assay_auditor;
GRANT SELECT ON assay.stuck_log TO assay_sequencer, assay_auditor;
