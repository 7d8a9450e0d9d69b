-- API keys of clients. A row is no right: what a key grants is in `sealed`, under the tenant's data key, and `mac` covers all
-- columns but the times that change, under a key in Vault that no login of the database has. SQLSTATE AS015: the caller has as
-- many keys as it may. AS016: the record is another key's. AS017: the key has ended, or was replaced already.

CREATE TABLE assay.api_key (
  id text PRIMARY KEY CHECK (id ~ '^[0-9A-Za-z]{11}$'),
  tenant text NOT NULL,
  caller text NOT NULL,
  subject text NOT NULL,
  family text NOT NULL,
  secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
  data_key text NOT NULL,
  sealed bytea NOT NULL CHECK (octet_length(sealed) <= 16384),
  mac bytea NOT NULL CHECK (octet_length(mac) = 32),
  ends_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);
CREATE INDEX api_key_of_caller ON assay.api_key (tenant, caller);
CREATE INDEX api_key_of_subject ON assay.api_key (tenant, subject);

-- A row for each caller with keys: its lock makes the count of keys hold.
CREATE TABLE assay.api_key_owner (tenant text, caller text, PRIMARY KEY (tenant, caller));

CREATE TYPE assay.new_api_key AS (
  id text, tenant text, caller text, subject text, family text, secret_hash bytea, created_at timestamptz,
  expires_at timestamptz, data_key text, sealed bytea, mac bytea
);

-- A key can end, sooner than it would, and be used; and its content be erased once it is revoked. Nothing else.
CREATE FUNCTION assay.refuse_all_but_ending() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (OLD.id, OLD.tenant, OLD.caller, OLD.subject, OLD.family, OLD.secret_hash, OLD.created_at, OLD.expires_at, OLD.data_key,
      OLD.mac)
    IS DISTINCT FROM (NEW.id, NEW.tenant, NEW.caller, NEW.subject, NEW.family, NEW.secret_hash, NEW.created_at,
      NEW.expires_at, NEW.data_key, NEW.mac)
    OR (NEW.sealed <> OLD.sealed AND NOT (NEW.sealed = '' AND NEW.revoked_at IS NOT NULL))
    OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
    OR (OLD.ends_at IS NOT NULL AND (NEW.ends_at IS NULL OR NEW.ends_at > OLD.ends_at)) THEN
    RAISE EXCEPTION 'a key can end and nothing else' USING ERRCODE = 'AS009';
  END IF;
  RETURN NEW;
END
$$;

CREATE FUNCTION assay.has_ended(k assay.api_key, at timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT least(k.expires_at, k.ends_at, k.revoked_at) <= at -- of those that are not null
$$;

CREATE FUNCTION assay.refuse_deletion_of_keys() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT assay.has_ended(OLD, clock_timestamp() - interval '30 days') THEN
    RAISE EXCEPTION 'a key stays for 30 days after its end' USING ERRCODE = 'AS009';
  END IF;
  RETURN OLD;
END
$$;

CREATE TRIGGER ending_only BEFORE UPDATE ON assay.api_key FOR EACH ROW EXECUTE FUNCTION assay.refuse_all_but_ending();
CREATE TRIGGER ended_only BEFORE DELETE ON assay.api_key FOR EACH ROW EXECUTE FUNCTION assay.refuse_deletion_of_keys();
CREATE TRIGGER rows_stay BEFORE TRUNCATE ON assay.api_key FOR EACH STATEMENT EXECUTE FUNCTION assay.refuse_change();
ALTER TABLE assay.api_key ENABLE ALWAYS TRIGGER ending_only;
ALTER TABLE assay.api_key ENABLE ALWAYS TRIGGER ended_only;
ALTER TABLE assay.api_key ENABLE ALWAYS TRIGGER rows_stay;

-- Stores a key and its record, or neither. A repeat of the same changes nothing.
CREATE FUNCTION assay.add_api_key(k assay.new_api_key, of_kind text, r assay.sealed_record) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (r.tenant, r.kind, r.fields ->> 'key', r.fields ->> 'caller') IS DISTINCT FROM (k.tenant, of_kind, k.id, k.caller) THEN
    RAISE EXCEPTION 'a key comes with its record' USING ERRCODE = 'AS016';
  END IF;
  INSERT INTO assay.api_key
    (id, tenant, caller, subject, family, secret_hash, created_at, expires_at, data_key, sealed, mac)
  VALUES (k.id, k.tenant, k.caller, k.subject, k.family, k.secret_hash, k.created_at, k.expires_at, k.data_key, k.sealed,
    k.mac);
  PERFORM assay.append(r);
END
$$;

-- Takes the caller's turn for changes of its keys, until the transaction ends.
CREATE FUNCTION assay.api_key_turn(of_tenant text, of_caller text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO assay.api_key_owner (tenant, caller) VALUES (of_tenant, of_caller) ON CONFLICT DO NOTHING;
  PERFORM FROM assay.api_key_owner o WHERE o.tenant = of_tenant AND o.caller = of_caller FOR UPDATE;
END
$$;

-- Makes a key, of `most` that the caller may have; those that are replaced don't count. Removes the caller's old rows.
CREATE FUNCTION assay.create_api_key(most integer, k assay.new_api_key, r assay.sealed_record) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM assay.api_key_turn(k.tenant, k.caller);
  IF EXISTS (SELECT FROM assay.api_key a WHERE a.id = k.id AND a.mac = k.mac) THEN
    RETURN; -- by a first attempt, whose answer was lost
  END IF;
  DELETE FROM assay.api_key a WHERE a.tenant = k.tenant AND a.caller = k.caller
    AND assay.has_ended(a, clock_timestamp() - interval '31 days');
  IF (SELECT count(*) FROM assay.api_key a WHERE a.tenant = k.tenant AND a.caller = k.caller AND a.ends_at IS NULL
      AND NOT assay.has_ended(a, clock_timestamp())) >= most THEN
    RAISE EXCEPTION 'the caller has as many keys as it may' USING ERRCODE = 'AS015';
  END IF;
  PERFORM assay.add_api_key(k, 'api_key_created', r);
END
$$;

-- Makes a key of the caller's in place of another, which ends at `old_ends_at`. Of a family, one at most is about to end.
CREATE FUNCTION assay.rotate_api_key(old_id text, old_ends_at timestamptz, k assay.new_api_key, r assay.sealed_record)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  old assay.api_key;
BEGIN
  PERFORM assay.api_key_turn(k.tenant, k.caller);
  IF EXISTS (SELECT FROM assay.api_key a WHERE a.id = k.id AND a.mac = k.mac) THEN
    RETURN;
  END IF;
  SELECT a.* INTO old FROM assay.api_key a
  WHERE a.id = old_id AND a.tenant = k.tenant AND a.caller = k.caller AND a.family = k.family FOR UPDATE;
  IF NOT FOUND OR old.ends_at IS NOT NULL OR assay.has_ended(old, clock_timestamp()) THEN
    RAISE EXCEPTION 'this key has ended' USING ERRCODE = 'AS017';
  END IF;
  IF r.fields ->> 'key_before' IS DISTINCT FROM old_id THEN
    RAISE EXCEPTION 'a key comes with its record' USING ERRCODE = 'AS016';
  END IF;
  UPDATE assay.api_key a SET ends_at = least(a.ends_at, clock_timestamp())
  WHERE a.tenant = k.tenant AND a.family = k.family AND a.ends_at > clock_timestamp();
  UPDATE assay.api_key a SET ends_at = least(old_ends_at, a.expires_at) WHERE a.id = old_id;
  PERFORM assay.add_api_key(k, 'api_key_rotated', r);
END
$$;

-- Revokes a key of the record's tenant, and records it; one that is revoked stays as it is. With `of_caller` that caller's
-- alone. False for an unknown key.
CREATE FUNCTION assay.revoke_api_key(of_key text, of_caller text, r assay.sealed_record) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  found_key assay.api_key;
BEGIN
  SELECT a.* INTO found_key FROM assay.api_key a
  WHERE a.id = of_key AND a.tenant = r.tenant AND (of_caller IS NULL OR a.caller = of_caller) FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF found_key.revoked_at IS NULL THEN
    IF (r.kind, r.fields ->> 'key') IS DISTINCT FROM ('api_key_revoked', of_key) THEN
      RAISE EXCEPTION 'a key comes with its record' USING ERRCODE = 'AS016';
    END IF;
    UPDATE assay.api_key a SET revoked_at = clock_timestamp() WHERE a.id = of_key;
    PERFORM assay.append(r);
  END IF;
  RETURN true;
END
$$;

-- The key with an ID, whoever's: which tenant a credential is of is not known before.
CREATE FUNCTION assay.find_api_key(of_key text) RETURNS SETOF assay.api_key
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT a.* FROM assay.api_key a WHERE a.id = of_key
$$;

-- A tenant's keys, or one caller's, newest first.
CREATE FUNCTION assay.api_keys(of_tenant text, of_caller text, most integer) RETURNS SETOF assay.api_key
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT a.* FROM assay.api_key a WHERE a.tenant = of_tenant AND (of_caller IS NULL OR a.caller = of_caller)
  ORDER BY a.created_at DESC, a.id LIMIT most
$$;

-- Notes the last uses of keys, a statement for all of a process's: never earlier ones, nor any in the future.
CREATE FUNCTION assay.api_keys_used(ids text[], times timestamptz[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  UPDATE assay.api_key a SET last_used_at = least(u.used_at, clock_timestamp())
  FROM (SELECT * FROM unnest(ids, times)) AS u (id, used_at)
  WHERE a.id = u.id AND (a.last_used_at IS NULL OR a.last_used_at < u.used_at)
$$;

-- Ends and empties the keys of a person, or of all of a tenant where it is null.
CREATE FUNCTION assay.erase_api_keys(of_tenant text, of_subject text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  UPDATE assay.api_key a SET sealed = '', revoked_at = coalesce(a.revoked_at, clock_timestamp())
  WHERE a.tenant = of_tenant AND (of_subject IS NULL OR a.subject = of_subject) AND a.sealed <> ''
$$;

-- Like 0010, but keys of the person end.
CREATE OR REPLACE FUNCTION assay.erase_subject(of_subject text, r assay.sealed_record) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM assay.record s WHERE s.event_id = r.event_id) THEN
    IF assay.hold_on(r.tenant, of_subject) THEN
      RAISE EXCEPTION 'a hold stands' USING ERRCODE = 'AS006';
    END IF;
    UPDATE assay.subject_key k SET wrapped = NULL, erased_at = clock_timestamp(), erasure = r.event_id
    WHERE k.tenant = r.tenant AND k.subject = of_subject AND k.erased_at IS NULL;
    PERFORM assay.erase_api_keys(r.tenant, of_subject);
  END IF;
  PERFORM assay.append(r);
  RETURN (SELECT count(*) FROM assay.subject_key k
    WHERE k.tenant = r.tenant AND k.subject = of_subject AND k.erasure = r.event_id);
END
$$;

-- Like 0020, but keys of the tenant end.
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
  PERFORM assay.erase_api_keys(of_tenant, NULL);
  -- Also those that were made between an erasure and the deletion of the tenant's key.
  UPDATE assay.subject_key k
  SET wrapped = NULL, erased_at = clock_timestamp(),
    erasure = (SELECT e.erasure FROM assay.erased_tenant e WHERE e.tenant = of_tenant)
  WHERE k.tenant = of_tenant AND k.erased_at IS NULL;
  GET DIAGNOSTICS erased = ROW_COUNT;
END
$$;

REVOKE ALL ON FUNCTION assay.refuse_all_but_ending, assay.has_ended, assay.refuse_deletion_of_keys, assay.add_api_key,
  assay.api_key_turn, assay.create_api_key, assay.rotate_api_key, assay.revoke_api_key, assay.find_api_key, assay.api_keys,
  assay.api_keys_used, assay.erase_api_keys FROM PUBLIC;
GRANT EXECUTE ON FUNCTION assay.create_api_key, assay.rotate_api_key, assay.revoke_api_key, assay.find_api_key,
  assay.api_keys, assay.api_keys_used TO assay_api;
