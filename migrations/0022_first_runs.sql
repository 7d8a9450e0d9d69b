-- A workflow ID is admitted once: another run of it adopts the outcome of the first, or is refused. A model call needs a
-- reservation that is held. SQLSTATE AS013: the ID's outcome is recorded; DETAIL has it as JSON. AS014: another run of the
-- ID is admitted; DETAIL is its run ID. AS002 and AS003 as in 0003, AS004 as in 0017.

-- The first run of each workflow ID that was admitted, or that ended without an admission; and its outcome, once recorded.
-- Only a run whose tenant is the ID's has a row: a start that proves no tenant is recorded under another, and takes no ID.
-- Rows are locked in one order everywhere: first run, reservation, account, record.
CREATE TABLE assay.first_run (
  workflow_id text COLLATE "C" PRIMARY KEY,
  tenant text NOT NULL,
  run_id text NOT NULL,
  outcome uuid,
  kind text,
  refusal text,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((outcome IS NULL) = (kind IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX first_run_oldest ON assay.first_run (made_at);

-- Those of the last 40 days: what was admitted, or recorded first.
INSERT INTO assay.first_run (workflow_id, tenant, run_id, outcome, kind, refusal)
SELECT DISTINCT ON (s.workflow_id) s.workflow_id, s.tenant, s.run_id, o.event_id, o.kind, o.fields ->> 'refusal'
FROM assay.record s
LEFT JOIN assay.record o ON o.workflow_id = s.workflow_id AND o.run_id = s.run_id AND o.tenant = s.tenant
  AND o.kind IN ('completed', 'blocked', 'refused', 'failed', 'cancelled')
  AND o.event_id >= assay.first_event(now() - interval '40 days')
WHERE s.event_id >= assay.first_event(now() - interval '40 days')
  AND s.kind IN ('admitted', 'completed', 'blocked', 'refused', 'failed', 'cancelled')
  AND s.run_id IS NOT NULL AND starts_with(s.workflow_id, 'inf.' || s.tenant || '.')
ORDER BY s.workflow_id, s.kind <> 'admitted', s.event_id;

-- Calls of models under a reservation: those that answered, and attempts that failed or got lost.
ALTER TABLE assay.reservation ADD COLUMN calls integer NOT NULL DEFAULT 0;

-- Whether the workflow ID names the record's tenant.
CREATE FUNCTION assay.takes_id(r assay.sealed_record) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(r.run_id IS NOT NULL AND starts_with(r.workflow_id, 'inf.' || r.tenant || '.'), false)
$$;

CREATE FUNCTION assay.adopt(f assay.first_run) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'the outcome of this workflow ID is recorded' USING ERRCODE = 'AS013', DETAIL =
    json_build_object('run', f.run_id, 'event', f.outcome, 'kind', f.kind, 'refusal', f.refusal)::text;
END
$$;

-- Like 0017, but once a workflow ID: another run of it gets AS014, or AS013 once the first one's outcome is recorded. A
-- run that goes on under the identity of the first, since it was reset, is that run.
CREATE OR REPLACE FUNCTION assay.admit(
  reservation_id uuid, of_caller text, wanted bigint, daily_limit bigint, r assay.sealed_record,
  OUT admitted boolean, OUT stored_digest bytea, OUT stored_time timestamptz, OUT repeated boolean,
  OUT used bigint, OUT reserved bigint, OUT resets_in double precision
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  this_day date := assay.today();
  recorded boolean;
  spent bigint;
  earlier record;
  first_one assay.first_run;
  is_first boolean := false;
BEGIN
  -- One snapshot for both: where the record of a repeat can't be seen yet, its reservation isn't counted yet.
  SELECT EXISTS (SELECT FROM assay.record s WHERE s.event_id = r.event_id),
    coalesce((SELECT a.used + a.reserved FROM assay.quota_account a
      WHERE a.tenant = r.tenant AND a.caller = of_caller AND a.day = this_day), 0)
  INTO recorded, spent;
  admitted := recorded OR spent + wanted <= daily_limit; -- a refusal that is plain already writes nothing
  IF assay.takes_id(r) THEN
    LOOP
      SELECT f.* INTO first_one FROM assay.first_run f WHERE f.workflow_id = r.workflow_id;
      EXIT WHEN FOUND OR recorded OR NOT admitted;
      INSERT INTO assay.first_run (workflow_id, tenant, run_id) VALUES (r.workflow_id, r.tenant, r.run_id)
      ON CONFLICT (workflow_id) DO NOTHING; -- waits for whoever is about to commit another
      is_first := FOUND;
      EXIT WHEN is_first;
    END LOOP;
    IF first_one.outcome IS NOT NULL THEN
      PERFORM assay.adopt(first_one);
    END IF;
    IF first_one.run_id <> r.run_id AND NOT recorded THEN
      RAISE EXCEPTION 'another run of this workflow ID is admitted' USING ERRCODE = 'AS014', DETAIL = first_one.run_id;
    END IF;
  END IF;
  IF admitted AND NOT recorded THEN
    INSERT INTO assay.reservation (id, tenant, caller, day, tokens, state)
    VALUES (reservation_id, r.tenant, of_caller, this_day, wanted, 'held')
    ON CONFLICT (id) DO NOTHING;
    IF FOUND THEN
      IF EXISTS (SELECT FROM assay.pruned p WHERE reservation_id < p.reservations) THEN
        RAISE EXCEPTION 'this reservation may have been closed and pruned' USING ERRCODE = 'AS002';
      END IF;
      INSERT INTO assay.quota_account AS a (tenant, caller, day) VALUES (r.tenant, of_caller, this_day)
      ON CONFLICT (tenant, caller, day) DO NOTHING;
      UPDATE assay.quota_account a SET reserved = a.reserved + wanted
      WHERE a.tenant = r.tenant AND a.caller = of_caller AND a.day = this_day
        AND a.used + a.reserved + wanted <= daily_limit;
      admitted := FOUND;
      IF NOT admitted THEN
        DELETE FROM assay.reservation v WHERE v.id = reservation_id;
        DELETE FROM assay.first_run f WHERE is_first AND f.workflow_id = r.workflow_id;
      END IF;
    ELSE
      SELECT v.tenant, v.caller, v.state INTO STRICT earlier FROM assay.reservation v WHERE v.id = reservation_id;
      IF (earlier.tenant, earlier.caller) IS DISTINCT FROM (r.tenant, of_caller) THEN
        RAISE EXCEPTION 'this reservation is not the caller''s' USING ERRCODE = 'AS002';
      END IF;
      IF earlier.state <> 'held' AND NOT EXISTS (SELECT FROM assay.record s WHERE s.event_id = r.event_id) THEN
        RAISE EXCEPTION 'this reservation is closed' USING ERRCODE = 'AS002';
      END IF;
    END IF;
  END IF;
  IF admitted THEN
    SELECT a.stored_digest, a.stored_time, a.repeated INTO stored_digest, stored_time, repeated FROM assay.append(r) a;
  ELSE
    SELECT q.used, q.reserved, q.resets_in INTO used, reserved, resets_in
    FROM assay.quota_state(r.tenant, of_caller) q;
  END IF;
END
$$;

-- Like 0008, but the outcome of a workflow ID's first run is kept as the ID's; another run that was not admitted gets AS013
-- once it is recorded, and records nothing. Until then such a run's end is recorded as its own.
CREATE OR REPLACE FUNCTION assay.close(
  reservation_id uuid, spent bigint, r assay.sealed_record,
  OUT stored_digest bytea, OUT stored_time timestamptz, OUT repeated boolean
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  held record;
  first_one assay.first_run;
BEGIN
  IF assay.takes_id(r) THEN
    LOOP
      UPDATE assay.first_run f SET outcome = r.event_id, kind = r.kind, refusal = r.fields ->> 'refusal'
      WHERE f.workflow_id = r.workflow_id AND f.run_id = r.run_id AND f.outcome IS NULL;
      EXIT WHEN FOUND;
      INSERT INTO assay.first_run (workflow_id, tenant, run_id, outcome, kind, refusal)
      VALUES (r.workflow_id, r.tenant, r.run_id, r.event_id, r.kind, r.fields ->> 'refusal')
      ON CONFLICT (workflow_id) DO NOTHING; -- waits for an admission that is about to commit
      EXIT WHEN FOUND;
      SELECT f.* INTO first_one FROM assay.first_run f WHERE f.workflow_id = r.workflow_id;
      CONTINUE WHEN NOT FOUND OR (first_one.run_id = r.run_id AND first_one.outcome IS NULL);
      IF first_one.run_id <> r.run_id AND first_one.outcome IS NOT NULL
        AND NOT EXISTS (SELECT FROM assay.record s WHERE s.event_id = r.event_id)
        AND NOT EXISTS (SELECT FROM assay.reservation v WHERE v.id = reservation_id AND v.state = 'held') THEN
        PERFORM assay.adopt(first_one);
      END IF;
      EXIT;
    END LOOP;
  END IF;
  IF reservation_id IS NOT NULL AND NOT EXISTS (SELECT FROM assay.record s WHERE s.event_id = r.event_id) THEN
    SELECT v.* INTO held FROM assay.reservation v WHERE v.id = reservation_id FOR UPDATE;
    IF NOT FOUND THEN -- never made, or still being made by a call that was given up: it must not be held afterwards
      INSERT INTO assay.reservation (id, tenant, day, tokens, state, actual, closed_at)
      VALUES (reservation_id, r.tenant, assay.today(), 0, 'refunded', 0, clock_timestamp())
      ON CONFLICT (id) DO NOTHING;
      SELECT v.* INTO STRICT held FROM assay.reservation v WHERE v.id = reservation_id FOR UPDATE;
    END IF;
    IF held.tenant <> r.tenant THEN
      RAISE EXCEPTION 'this reservation is not the tenant''s' USING ERRCODE = 'AS002';
    END IF;
    -- Whoever held the row may have recorded this very event; append() judges the rest.
    IF NOT EXISTS (SELECT FROM assay.record s WHERE s.event_id = r.event_id)
      AND (held.state = 'held' OR (held.state = 'refunded' AND spent > 0)) THEN
      IF held.caller IS NULL THEN
        RAISE EXCEPTION 'tokens were used without a reservation' USING ERRCODE = 'AS003';
      END IF;
      UPDATE assay.reservation v
      SET state = CASE WHEN spent = 0 THEN 'refunded' ELSE 'settled' END, actual = spent, closed_at = clock_timestamp()
      WHERE v.id = reservation_id;
      UPDATE assay.quota_account a
      SET used = a.used + spent, reserved = a.reserved - CASE WHEN held.state = 'held' THEN held.tokens ELSE 0 END
      WHERE a.tenant = held.tenant AND a.caller = held.caller AND a.day = held.day;
    END IF;
  END IF;
  SELECT a.stored_digest, a.stored_time, a.repeated INTO stored_digest, stored_time, repeated FROM assay.append(r) a;
END
$$;

-- How a workflow ID ended: none while its first run, `run`, is admitted and has no outcome; no row for an ID without one.
CREATE FUNCTION assay.run_outcome(of_tenant text, of_workflow text)
RETURNS TABLE (run text, event uuid, kind text, refusal text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT f.run_id, f.outcome, f.kind, f.refusal FROM assay.first_run f
  WHERE f.workflow_id = of_workflow AND f.tenant = of_tenant
$$;

-- Counts a call of a model, and returns their number: null, and the model must not be called, if the reservation is not
-- held, or had `most` calls. What a crash of the server may lose is the number of the last moment's calls: so it is not
-- waited for, as in 0016.
CREATE FUNCTION assay.begin_call(reservation_id uuid, of_tenant text, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  counted integer;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  UPDATE assay.reservation v SET calls = v.calls + 1
  WHERE v.id = reservation_id AND v.tenant = of_tenant AND v.state = 'held' AND v.calls < most
  RETURNING v.calls INTO counted;
  RETURN counted;
END
$$;

-- The run that a reservation is held for, as open_reservations() of 0013 gives it.
CREATE FUNCTION assay.held_reservation(wanted uuid)
RETURNS TABLE (reservation_id uuid, tenant text, caller text, workflow_id text, run_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT v.id, v.tenant, v.caller, made.workflow_id, made.run_id
  FROM assay.reservation v
  LEFT JOIN LATERAL (
    SELECT a.workflow_id, a.run_id FROM assay.record a
    WHERE a.event_id >= (left(v.id::text, 13) || '-0000-0000-000000000000')::uuid
      AND a.event_id <= (left(v.id::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
      AND a.tenant = v.tenant AND a.kind = 'admitted'
      AND assay.event_id(
        ('x' || left(replace(v.id::text, '-', ''), 12))::bit(48)::bigint, a.tenant, a.workflow_id, a.run_id, 'reservation'
      ) = v.id
  ) made ON true
  WHERE v.id = wanted AND v.state = 'held'
$$;

-- Removes first runs that were made that long ago and have their outcome, a thousand at most; returns their number. An ID
-- is kept for 40 days at least: as long as its records are in tables, and longer than a run, which may be reset until
-- its history goes. Later a reset can't be admitted, since no reservation is made where they were pruned (0017).
CREATE FUNCTION assay.prune_first_runs(age_seconds double precision) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  removed integer;
BEGIN
  IF age_seconds IS NULL OR make_interval(secs => age_seconds) < interval '40 days' THEN
    RAISE EXCEPTION 'workflow IDs that may be started again are not pruned' USING ERRCODE = 'AS004';
  END IF;
  DELETE FROM assay.first_run f WHERE f.workflow_id = ANY (ARRAY(
    SELECT o.workflow_id FROM assay.first_run o
    WHERE o.made_at < clock_timestamp() - make_interval(secs => age_seconds) AND o.outcome IS NOT NULL
    ORDER BY o.made_at LIMIT 1000 FOR UPDATE SKIP LOCKED
  ));
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END
$$;

REVOKE ALL ON FUNCTION assay.takes_id, assay.adopt, assay.run_outcome, assay.begin_call, assay.held_reservation,
  assay.prune_first_runs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION assay.run_outcome TO assay_api;
GRANT EXECUTE ON FUNCTION assay.begin_call, assay.held_reservation, assay.prune_first_runs TO assay_writer;
