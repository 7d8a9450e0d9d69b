-- Budgets and records in shared transactions. Rows are locked in one order everywhere: reservation, account, record.
-- SQLSTATE AS002: a reservation of this ID is closed, or is another caller's. AS003: usage without a reservation.

CREATE FUNCTION assay.today() RETURNS date
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date
$$;

CREATE FUNCTION assay.until_midnight() RETURNS double precision
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  SELECT extract(epoch FROM date_trunc('day', t) + interval '1 day' - t)::double precision
  FROM (SELECT clock_timestamp() AT TIME ZONE 'UTC') AS utc (t)
$$;

CREATE FUNCTION assay.quota_state(
  of_tenant text, of_caller text, OUT used bigint, OUT reserved bigint, OUT resets_in double precision
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  SELECT a.used, a.reserved INTO used, reserved FROM assay.quota_account a
  WHERE a.tenant = of_tenant AND a.caller = of_caller AND a.day = assay.today();
  used := coalesce(used, 0);
  reserved := coalesce(reserved, 0);
  resets_in := assay.until_midnight();
END
$$;

-- Reserves and records, or neither. `admitted` false: the day's budget does not hold so many tokens.
CREATE FUNCTION assay.admit(
  reservation_id uuid, of_caller text, wanted bigint, daily_limit bigint,
  event uuid, of_tenant text, of_kind text, at timestamptz, of_workflow text, of_run text,
  open_fields json, key_name text, sealed bytea, mac bytea, sha256 bytea,
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
  SELECT EXISTS (SELECT FROM assay.record r WHERE r.event_id = event),
    coalesce((SELECT a.used + a.reserved FROM assay.quota_account a
      WHERE a.tenant = of_tenant AND a.caller = of_caller AND a.day = this_day), 0)
  INTO recorded, spent;
  admitted := recorded OR spent + wanted <= daily_limit; -- a refusal that is plain already writes nothing
  IF admitted AND NOT recorded THEN
    INSERT INTO assay.reservation (id, tenant, caller, day, tokens, state)
    VALUES (reservation_id, of_tenant, of_caller, this_day, wanted, 'held')
    ON CONFLICT (id) DO NOTHING;
    IF FOUND THEN
      INSERT INTO assay.quota_account AS a (tenant, caller, day) VALUES (of_tenant, of_caller, this_day)
      ON CONFLICT (tenant, caller, day) DO NOTHING;
      UPDATE assay.quota_account a SET reserved = a.reserved + wanted
      WHERE a.tenant = of_tenant AND a.caller = of_caller AND a.day = this_day
        AND a.used + a.reserved + wanted <= daily_limit;
      admitted := FOUND;
      IF NOT admitted THEN
        DELETE FROM assay.reservation r WHERE r.id = reservation_id;
      END IF;
    ELSE
      SELECT r.tenant, r.caller, r.state INTO STRICT earlier FROM assay.reservation r WHERE r.id = reservation_id;
      IF (earlier.tenant, earlier.caller) IS DISTINCT FROM (of_tenant, of_caller) THEN
        RAISE EXCEPTION 'this reservation is not the caller''s' USING ERRCODE = 'AS002';
      END IF;
      IF earlier.state <> 'held' AND NOT EXISTS (SELECT FROM assay.record r WHERE r.event_id = event) THEN
        RAISE EXCEPTION 'this reservation is closed' USING ERRCODE = 'AS002';
      END IF;
    END IF;
  END IF;
  IF admitted THEN
    SELECT a.stored_digest, a.stored_time, a.repeated INTO stored_digest, stored_time, repeated
    FROM assay.append(event, of_tenant, of_kind, at, of_workflow, of_run, open_fields, key_name, sealed, mac, sha256) a;
  ELSE
    SELECT q.used, q.reserved, q.resets_in INTO used, reserved, resets_in
    FROM assay.quota_state(of_tenant, of_caller) q;
  END IF;
END
$$;

-- Settles a reservation to `spent` (0 refunds it) and records the outcome, or neither. Usage above what was reserved is
-- charged in full; so is usage that arrives after a refund. A repeat touches no budget.
CREATE FUNCTION assay.close(
  reservation_id uuid, spent bigint,
  event uuid, of_tenant text, of_kind text, at timestamptz, of_workflow text, of_run text,
  open_fields json, key_name text, sealed bytea, mac bytea, sha256 bytea,
  OUT stored_digest bytea, OUT stored_time timestamptz, OUT repeated boolean
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  held record;
BEGIN
  IF reservation_id IS NOT NULL AND NOT EXISTS (SELECT FROM assay.record r WHERE r.event_id = event) THEN
    SELECT r.* INTO held FROM assay.reservation r WHERE r.id = reservation_id FOR UPDATE;
    IF NOT FOUND THEN -- never made, or still being made by a call that was given up: it must not be held afterwards
      INSERT INTO assay.reservation (id, tenant, day, tokens, state, actual, closed_at)
      VALUES (reservation_id, of_tenant, assay.today(), 0, 'refunded', 0, clock_timestamp())
      ON CONFLICT (id) DO NOTHING;
      SELECT r.* INTO STRICT held FROM assay.reservation r WHERE r.id = reservation_id FOR UPDATE;
    END IF;
    IF held.tenant <> of_tenant THEN
      RAISE EXCEPTION 'this reservation is not the tenant''s' USING ERRCODE = 'AS002';
    END IF;
    -- Whoever held the row may have recorded this very event; append() judges the rest.
    IF NOT EXISTS (SELECT FROM assay.record r WHERE r.event_id = event)
      AND (held.state = 'held' OR (held.state = 'refunded' AND spent > 0)) THEN
      IF held.caller IS NULL THEN
        RAISE EXCEPTION 'tokens were used without a reservation' USING ERRCODE = 'AS003';
      END IF;
      UPDATE assay.reservation r
      SET state = CASE WHEN spent = 0 THEN 'refunded' ELSE 'settled' END, actual = spent, closed_at = clock_timestamp()
      WHERE r.id = reservation_id;
      UPDATE assay.quota_account a
      SET used = a.used + spent, reserved = a.reserved - CASE WHEN held.state = 'held' THEN held.tokens ELSE 0 END
      WHERE a.tenant = held.tenant AND a.caller = held.caller AND a.day = held.day;
    END IF;
  END IF;
  SELECT a.stored_digest, a.stored_time, a.repeated INTO stored_digest, stored_time, repeated
  FROM assay.append(event, of_tenant, of_kind, at, of_workflow, of_run, open_fields, key_name, sealed, mac, sha256) a;
END
$$;

REVOKE ALL ON FUNCTION assay.today, assay.until_midnight, assay.quota_state, assay.admit, assay.close FROM PUBLIC;
GRANT EXECUTE ON FUNCTION assay.admit, assay.close TO assay_writer;
GRANT EXECUTE ON FUNCTION assay.quota_state TO assay_api;
