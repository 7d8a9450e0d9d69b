-- Reservations, accounts and rate buckets are removed once nothing can need them: they grew for ever. SQLSTATE AS004: a
-- removal that would reach runs which may still be open (see 0006); AS002 as in 0003.

-- No reservation before this one is made any more: a run's repeat that comes too late for its own must not reserve anew.
-- The first six bytes of a reservation's ID are the time at which its run began (UUIDv7, RFC 9562).
CREATE TABLE assay.pruned (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  reservations uuid NOT NULL
);

-- Like assay.payload_horizon of 0006, for rows of budgets.
CREATE FUNCTION assay.budget_horizon(age_seconds double precision) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF age_seconds IS NULL OR age_seconds < 4 * 86400 THEN
    RAISE EXCEPTION 'budgets of runs that may be open are not pruned' USING ERRCODE = 'AS004';
  END IF;
  RETURN clock_timestamp() - make_interval(secs => age_seconds);
END
$$;

-- Removes reservations that were closed that long ago, of runs that began that long ago: a thousand at most, oldest first;
-- returns their number. Held ones stay, for the reconciliation sweep.
CREATE FUNCTION assay.prune_reservations(age_seconds double precision) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  horizon timestamptz := assay.budget_horizon(age_seconds);
  before uuid := assay.first_event(horizon);
  removed integer;
BEGIN
  INSERT INTO assay.pruned AS p (reservations) VALUES (before)
  ON CONFLICT (only_one) DO UPDATE SET reservations = before WHERE p.reservations < before;
  DELETE FROM assay.reservation v WHERE v.id = ANY (ARRAY(
    SELECT o.id FROM assay.reservation o WHERE o.id < before AND o.state <> 'held' AND o.closed_at < horizon
    ORDER BY o.id LIMIT 1000 FOR UPDATE SKIP LOCKED
  ));
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END
$$;

-- Removes accounts of days that were over that long ago, a thousand at most; returns their number. An account for which
-- something is reserved stays until that is closed.
CREATE FUNCTION assay.prune_accounts(age_seconds double precision) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  horizon date := (assay.budget_horizon(age_seconds) AT TIME ZONE 'UTC')::date;
  removed integer;
BEGIN
  DELETE FROM assay.quota_account a WHERE (a.tenant, a.caller, a.day) IN (
    SELECT o.tenant, o.caller, o.day FROM assay.quota_account o WHERE o.day < horizon AND o.reserved = 0
    LIMIT 1000 FOR UPDATE SKIP LOCKED
  );
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END
$$;

-- Removes rate buckets that have been full for an hour, a thousand at most; returns their number. To take_rate() a full
-- bucket and none are the same; the hour is for a clock that is set back.
CREATE FUNCTION assay.prune_buckets() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  removed integer;
BEGIN
  DELETE FROM assay.rate_bucket b WHERE (b.tenant, b.caller) IN (
    SELECT o.tenant, o.caller FROM assay.rate_bucket o WHERE o.arrival < clock_timestamp() - interval '1 hour'
    LIMIT 1000 FOR UPDATE SKIP LOCKED
  );
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END
$$;

-- Like 0008, but a reservation that would be made where they were pruned is refused: it may have been closed.
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
BEGIN
  -- One snapshot for both: where the record of a repeat can't be seen yet, its reservation isn't counted yet.
  SELECT EXISTS (SELECT FROM assay.record s WHERE s.event_id = r.event_id),
    coalesce((SELECT a.used + a.reserved FROM assay.quota_account a
      WHERE a.tenant = r.tenant AND a.caller = of_caller AND a.day = this_day), 0)
  INTO recorded, spent;
  admitted := recorded OR spent + wanted <= daily_limit; -- a refusal that is plain already writes nothing
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

REVOKE ALL ON FUNCTION assay.budget_horizon, assay.prune_reservations, assay.prune_accounts, assay.prune_buckets
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION assay.prune_reservations, assay.prune_accounts, assay.prune_buckets TO assay_writer;
