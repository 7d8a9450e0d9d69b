-- Erasure and legal hold. SQLSTATE AS006: a hold stands. AS008: the same person can't release twice. AS010: the tenant is
-- erased. AS011: the hold is at the other step of its release.

-- A hold keeps a person's records, or all of a tenant's where `subject` is null, from being erased or archived away. Its
-- ID is that of the event that it was placed by. `*_by` are keyed hashes of persons.
CREATE TABLE assay.hold (
  id uuid PRIMARY KEY,
  tenant text NOT NULL,
  subject text,
  placed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  placed_by text NOT NULL,
  first_release_by text,
  first_release_at timestamptz,
  released_by text,
  released_at timestamptz,
  CHECK ((first_release_by IS NULL) = (first_release_at IS NULL)),
  CHECK ((released_by IS NULL) = (released_at IS NULL)),
  CHECK (released_by IS NULL OR (first_release_by IS NOT NULL AND released_by <> first_release_by))
);
CREATE INDEX hold_of_tenant ON assay.hold (tenant, placed_at);

-- Tenants whose key is to be deleted, or is: nobody is held there any more.
CREATE TABLE assay.erased_tenant (
  tenant text PRIMARY KEY CHECK (tenant <> 'system'),
  erasure uuid NOT NULL,
  erased_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

ALTER TABLE assay.subject_key ADD COLUMN erasure uuid; -- the event that erased it

-- Rows stay, whoever asks; what may change is the one thing that each is there for.
CREATE FUNCTION assay.refuse_all_but_release() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (OLD.id, OLD.tenant, OLD.placed_at, OLD.placed_by) IS DISTINCT FROM (NEW.id, NEW.tenant, NEW.placed_at, NEW.placed_by)
    OR OLD.subject IS DISTINCT FROM NEW.subject OR OLD.released_at IS NOT NULL
    OR (OLD.first_release_at IS NOT NULL AND (OLD.first_release_by, OLD.first_release_at)
      IS DISTINCT FROM (NEW.first_release_by, NEW.first_release_at)) THEN
    RAISE EXCEPTION 'a hold can be released and nothing else' USING ERRCODE = 'AS009';
  END IF;
  RETURN NEW;
END
$$;

CREATE FUNCTION assay.refuse_all_but_erasure() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (OLD.id, OLD.tenant, OLD.subject, OLD.data_key, OLD.made_at)
    IS DISTINCT FROM (NEW.id, NEW.tenant, NEW.subject, NEW.data_key, NEW.made_at)
    OR OLD.wrapped IS NULL OR NEW.wrapped IS NOT NULL THEN
    RAISE EXCEPTION 'a person''s key can be erased and nothing else' USING ERRCODE = 'AS009';
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER release_only BEFORE UPDATE ON assay.hold FOR EACH ROW EXECUTE FUNCTION assay.refuse_all_but_release();
CREATE TRIGGER rows_stay BEFORE DELETE OR TRUNCATE ON assay.hold
  FOR EACH STATEMENT EXECUTE FUNCTION assay.refuse_change();
CREATE TRIGGER erasure_only BEFORE UPDATE ON assay.subject_key
  FOR EACH ROW EXECUTE FUNCTION assay.refuse_all_but_erasure();
CREATE TRIGGER rows_stay BEFORE DELETE OR TRUNCATE ON assay.subject_key
  FOR EACH STATEMENT EXECUTE FUNCTION assay.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON assay.erased_tenant
  FOR EACH STATEMENT EXECUTE FUNCTION assay.refuse_change();
ALTER TABLE assay.hold ENABLE ALWAYS TRIGGER release_only;
ALTER TABLE assay.hold ENABLE ALWAYS TRIGGER rows_stay;
ALTER TABLE assay.subject_key ENABLE ALWAYS TRIGGER erasure_only;
ALTER TABLE assay.subject_key ENABLE ALWAYS TRIGGER rows_stay;
ALTER TABLE assay.erased_tenant ENABLE ALWAYS TRIGGER append_only;

-- Whether a hold stands on the person or their tenant; of no person, whether any stands in the tenant. The answer holds
-- until the caller's transaction ends: placing waits for that.
CREATE FUNCTION assay.hold_on(of_tenant text, of_subject text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtext('assay.custody'), hashtext(of_tenant));
  RETURN EXISTS (
    SELECT FROM assay.hold h
    WHERE h.tenant = of_tenant AND h.released_at IS NULL
      AND (of_subject IS NULL OR h.subject IS NULL OR h.subject = of_subject)
  );
END
$$;

-- Erases all keys of a person, and records it, or neither. A repeat of the same event tells what the first call erased.
-- The lock that hold_on() takes makes it wait for a hold that is being placed, and a hold wait for it.
CREATE FUNCTION assay.erase_subject(of_subject text, r assay.sealed_record) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM assay.record s WHERE s.event_id = r.event_id) THEN
    IF assay.hold_on(r.tenant, of_subject) THEN
      RAISE EXCEPTION 'a hold stands' USING ERRCODE = 'AS006';
    END IF;
    UPDATE assay.subject_key k SET wrapped = NULL, erased_at = clock_timestamp(), erasure = r.event_id
    WHERE k.tenant = r.tenant AND k.subject = of_subject AND k.erased_at IS NULL;
  END IF;
  PERFORM assay.append(r);
  RETURN (SELECT count(*) FROM assay.subject_key k
    WHERE k.tenant = r.tenant AND k.subject = of_subject AND k.erasure = r.event_id);
END
$$;

-- Erases all persons' keys of a tenant whose Transit key is deleted next, and records it in the log of `r`, or neither.
CREATE FUNCTION assay.erase_tenant(of_tenant text, r assay.sealed_record, OUT erased bigint, OUT repeated boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('assay.custody'), hashtext(of_tenant));
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

CREATE FUNCTION assay.place_hold(of_subject text, by_person text, r assay.sealed_record) RETURNS assay.hold
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  placed assay.hold;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('assay.custody'), hashtext(r.tenant));
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

-- The first of two persons marks a hold, the second releases it: `is_last` says which of the two `r` records. Null for
-- an unknown hold; one that is released stays as it is.
CREATE FUNCTION assay.release_hold(of_hold uuid, by_person text, is_last boolean, r assay.sealed_record) RETURNS assay.hold
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  found_hold assay.hold;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('assay.custody'), hashtext(r.tenant));
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

-- A tenant's holds: those that stand first, then the newest.
CREATE FUNCTION assay.holds(of_tenant text, most integer) RETURNS SETOF assay.hold
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT h.* FROM assay.hold h WHERE h.tenant = of_tenant
  ORDER BY h.released_at IS NOT NULL, h.placed_at DESC, h.id LIMIT most
$$;

REVOKE ALL ON FUNCTION assay.refuse_all_but_release, assay.refuse_all_but_erasure, assay.hold_on, assay.erase_subject,
  assay.erase_tenant, assay.place_hold, assay.release_hold, assay.holds FROM PUBLIC;
GRANT USAGE ON SCHEMA assay TO assay_custodian;
GRANT EXECUTE ON FUNCTION assay.erase_subject, assay.place_hold, assay.release_hold, assay.holds TO assay_api;
GRANT EXECUTE ON FUNCTION assay.hold_on TO assay_archiver;
GRANT EXECUTE ON FUNCTION assay.erase_tenant TO assay_custodian;
GRANT SELECT ON assay.hold, assay.erased_tenant TO assay_auditor, assay_archiver;
