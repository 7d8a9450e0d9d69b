-- A run has one admission and one outcome, whatever start time its stages are told: an event's ID has that time. And what is
-- charged for calls that no worker reports is bounded by their number.

-- Like 0022, but a second admission of the same run under another event ID gets AS014.
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
    IF NOT recorded AND first_one.run_id IS NOT NULL AND (first_one.run_id <> r.run_id OR EXISTS (
      SELECT FROM assay.record s WHERE s.workflow_id = r.workflow_id AND s.kind = 'admitted' AND s.tenant = r.tenant AND s.event_id <> r.event_id
    )) THEN
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

-- Like 0022, but a second outcome of the same run under another event ID gets AS013.
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
      IF first_one.run_id = r.run_id AND first_one.outcome <> r.event_id THEN
        PERFORM assay.adopt(first_one);
      END IF;
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

-- The calls that began under a reservation, and its tokens. No row for another tenant's.
CREATE FUNCTION assay.begun_calls(reservation_id uuid, of_tenant text) RETURNS TABLE (calls integer, tokens bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT v.calls, v.tokens FROM assay.reservation v WHERE v.id = reservation_id AND v.tenant = of_tenant
$$;

REVOKE ALL ON FUNCTION assay.begun_calls FROM PUBLIC;
GRANT EXECUTE ON FUNCTION assay.begun_calls TO assay_writer;
