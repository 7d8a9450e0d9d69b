-- Locks of rows in place of advisory locks, which belong to nobody: every login could hold the one that sequence() needs,
-- and so stop the log. No login has a right to the table of these rows; only the functions below lock them.

CREATE TABLE assay.turn (
  name text PRIMARY KEY
);
INSERT INTO assay.turn (name) VALUES ('sequence'), ('months');

-- One transaction at a time decides on holds and erasures of a tenant; `shared` ones wait for it, and not for each other.
CREATE FUNCTION assay.custody_turn(of_tenant text, shared boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  wanted text := 'custody/' || of_tenant;
BEGIN
  FOR attempt IN 1 .. 2 LOOP
    IF shared THEN
      PERFORM FROM assay.turn t WHERE t.name = wanted FOR SHARE;
    ELSE
      PERFORM FROM assay.turn t WHERE t.name = wanted FOR UPDATE;
    END IF;
    IF FOUND THEN
      RETURN;
    END IF;
    INSERT INTO assay.turn (name) VALUES (wanted) ON CONFLICT DO NOTHING;
  END LOOP;
  RAISE EXCEPTION 'no turn for the tenant''s custody' USING ERRCODE = 'serialization_failure';
END
$$;
REVOKE ALL ON FUNCTION assay.custody_turn FROM PUBLIC;

-- Like 0014, but for the lock; and while nothing is to be done, none is taken, since locking a row is written to disk.
CREATE OR REPLACE FUNCTION assay.sequence(most integer)
RETURNS TABLE (tenant text, seq bigint, event_id uuid, digest bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  known bigint;
BEGIN
  IF NOT EXISTS (SELECT FROM assay.stuck_log) AND (SELECT p.place FROM assay.pending p ORDER BY p.place LIMIT 1) IS NULL THEN
    RETURN;
  END IF;
  PERFORM FROM assay.turn t WHERE t.name = 'sequence' FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
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

-- Like 0007, but for the lock.
CREATE OR REPLACE FUNCTION assay.make_months(ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  this_month timestamp := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC');
  made integer := 0;
  step integer;
BEGIN
  PERFORM FROM assay.turn t WHERE t.name = 'months' FOR UPDATE;
  FOR step IN -1 .. least(ahead, 24) LOOP
    made := made + assay.make_month((this_month + make_interval(months => step))::date)::integer;
  END LOOP;
  RETURN made;
END
$$;

-- Like 0010, but for the lock.
CREATE OR REPLACE FUNCTION assay.hold_on(of_tenant text, of_subject text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM assay.custody_turn(of_tenant, shared => true);
  RETURN EXISTS (
    SELECT FROM assay.hold h
    WHERE h.tenant = of_tenant AND h.released_at IS NULL
      AND (of_subject IS NULL OR h.subject IS NULL OR h.subject = of_subject)
  );
END
$$;

CREATE OR REPLACE FUNCTION assay.erase_tenant(of_tenant text, r assay.sealed_record, OUT erased bigint, OUT repeated boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM assay.custody_turn(of_tenant);
  repeated := EXISTS (SELECT FROM assay.erased_tenant e WHERE e.tenant = of_tenant);
  IF NOT repeated THEN
    IF assay.hold_on(of_tenant) THEN
      RAISE EXCEPTION 'a hold stands' USING ERRCODE = 'AS006';
    END IF;
    INSERT INTO assay.erased_tenant (tenant, erasure) VALUES (of_tenant, r.event_id);
    PERFORM assay.append(r);
  END IF;
  -- Also those that were made between an erasure and the deletion of the tenant's key.
  UPDATE assay.subject_key k
  SET wrapped = NULL, erased_at = clock_timestamp(),
    erasure = (SELECT e.erasure FROM assay.erased_tenant e WHERE e.tenant = of_tenant)
  WHERE k.tenant = of_tenant AND k.erased_at IS NULL;
  GET DIAGNOSTICS erased = ROW_COUNT;
END
$$;

CREATE OR REPLACE FUNCTION assay.place_hold(of_subject text, by_person text, r assay.sealed_record) RETURNS assay.hold
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  placed assay.hold;
BEGIN
  PERFORM assay.custody_turn(r.tenant);
  IF EXISTS (SELECT FROM assay.erased_tenant e WHERE e.tenant = r.tenant) THEN
    RAISE EXCEPTION 'the tenant is erased' USING ERRCODE = 'AS010';
  END IF;
  PERFORM assay.append(r);
  INSERT INTO assay.hold (id, tenant, subject, placed_by) VALUES (r.event_id, r.tenant, of_subject, by_person)
  ON CONFLICT (id) DO NOTHING;
  SELECT h.* INTO STRICT placed FROM assay.hold h WHERE h.id = r.event_id;
  RETURN placed;
END
$$;

CREATE OR REPLACE FUNCTION assay.release_hold(of_hold uuid, by_person text, is_last boolean, r assay.sealed_record) RETURNS assay.hold
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  found_hold assay.hold;
BEGIN
  PERFORM assay.custody_turn(r.tenant);
  SELECT h.* INTO found_hold FROM assay.hold h WHERE h.id = of_hold AND h.tenant = r.tenant;
  IF NOT FOUND OR found_hold.released_at IS NOT NULL
    OR EXISTS (SELECT FROM assay.record s WHERE s.event_id = r.event_id) THEN
    RETURN found_hold;
  END IF;
  IF found_hold.first_release_by = by_person THEN
    RAISE EXCEPTION 'another person has to release this hold' USING ERRCODE = 'AS008';
  END IF;
  IF is_last <> (found_hold.first_release_by IS NOT NULL) THEN
    RAISE EXCEPTION 'this hold is at the other step' USING ERRCODE = 'AS011';
  END IF;
  PERFORM assay.append(r);
  IF is_last THEN
    UPDATE assay.hold h SET released_by = by_person, released_at = clock_timestamp() WHERE h.id = of_hold
    RETURNING h.* INTO found_hold;
  ELSE
    UPDATE assay.hold h SET first_release_by = by_person, first_release_at = clock_timestamp() WHERE h.id = of_hold
    RETURNING h.* INTO found_hold;
  END IF;
  RETURN found_hold;
END
$$;

-- A policy becomes current by change_policy() alone, which records it: the release before calls nothing else.
REVOKE EXECUTE ON FUNCTION assay.make_policy_current FROM assay_api;
