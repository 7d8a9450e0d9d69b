-- append(), admit() and close() take a sealed record as one value, and put what they record before the tree. SQLSTATEs as
-- in 0002, 0003 and 0007.

DROP FUNCTION assay.append(
  uuid, text, text, timestamptz, text, text, json, text, bytea, bytea, bytea
);
CREATE TYPE assay.sealed_record AS (
  event_id uuid, schema smallint, tenant text, kind text, recorded_at timestamptz, workflow_id text, run_id text,
  subject text, fields json, key_id text, subject_key uuid, ciphertext bytea, content_mac bytea, digest bytea
);

CREATE FUNCTION assay.append(
  r assay.sealed_record, OUT stored_digest bytea, OUT stored_time timestamptz, OUT repeated boolean
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  stored record;
BEGIN
  INSERT INTO assay.record
    (event_id, schema, tenant, kind, recorded_at, workflow_id, run_id, subject, fields, key_id, subject_key, ciphertext,
     content_mac, digest)
  VALUES
    (r.event_id, r.schema, r.tenant, r.kind, r.recorded_at, r.workflow_id, r.run_id, r.subject, r.fields, r.key_id,
     r.subject_key, r.ciphertext, r.content_mac, r.digest)
  ON CONFLICT (event_id) DO NOTHING;
  IF FOUND THEN
    IF r.subject_key IS NOT NULL AND NOT EXISTS (
      SELECT FROM assay.subject_key k WHERE k.id = r.subject_key AND k.tenant = r.tenant AND k.erased_at IS NULL
    ) THEN
      RAISE EXCEPTION 'the key of this record was erased' USING ERRCODE = 'AS005';
    END IF;
    INSERT INTO assay.pending (tenant, event_id, digest) VALUES (r.tenant, r.event_id, r.digest);
    stored_digest := r.digest;
    stored_time := r.recorded_at;
    repeated := false;
    RETURN;
  END IF;
  -- Whoever came first has committed: ON CONFLICT waited for that.
  SELECT s.kind, s.content_mac, s.digest, s.recorded_at INTO STRICT stored
  FROM assay.record s WHERE s.event_id = r.event_id;
  IF stored.content_mac <> r.content_mac THEN
    RAISE EXCEPTION 'this event is recorded with other content' USING ERRCODE = 'AS001', DETAIL = stored.kind;
  END IF;
  stored_digest := stored.digest;
  stored_time := stored.recorded_at;
  repeated := true;
END
$$;

-- As before, but of a sealed record as a whole: see 0003.
DROP FUNCTION assay.admit(
  uuid, text, bigint, bigint, uuid, text, text, timestamptz, text, text, json, text, bytea, bytea, bytea
);
CREATE FUNCTION assay.admit(
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

DROP FUNCTION assay.close(
  uuid, bigint, uuid, text, text, timestamptz, text, text, json, text, bytea, bytea, bytea
);
CREATE FUNCTION assay.close(
  reservation_id uuid, spent bigint, r assay.sealed_record,
  OUT stored_digest bytea, OUT stored_time timestamptz, OUT repeated boolean
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  held record;
BEGIN
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
