-- Large payloads of Temporal's histories, as ciphertext, by the SHA-256 of what is stored. SQLSTATE AS004: a purge that
-- would reach runs which may still be open.

CREATE TABLE assay.payload (
  id bytea PRIMARY KEY CHECK (octet_length(id) = 32),
  tenant text NOT NULL,
  workflow_id text COLLATE "C" NOT NULL,
  content bytea NOT NULL,
  stored_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE assay.payload ALTER COLUMN content SET STORAGE EXTERNAL; -- ciphertext does not get smaller
CREATE INDEX payload_oldest ON assay.payload (stored_at);

-- The hash is computed here, so that nobody stores a content under another's name. A repeat makes it young again.
CREATE FUNCTION assay.put_payload(of_tenant text, of_workflow text, stored bytea) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  content_hash bytea := sha256(stored);
BEGIN
  INSERT INTO assay.payload AS p (id, tenant, workflow_id, content)
  VALUES (content_hash, of_tenant, of_workflow, stored)
  ON CONFLICT (id) DO UPDATE SET stored_at = clock_timestamp();
  RETURN content_hash;
END
$$;

CREATE FUNCTION assay.get_payload(content_hash bytea) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT p.content FROM assay.payload p WHERE p.id = content_hash
$$;

-- How old a payload must be before it may be removed, on this server's clock. Younger ones are out of every caller's
-- reach: a run lives for up to three days, and its history is kept for a day at least.
CREATE FUNCTION assay.payload_horizon(age_seconds double precision) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF age_seconds IS NULL OR age_seconds < 4 * 86400 THEN
    RAISE EXCEPTION 'payloads of runs that may be open are not purged' USING ERRCODE = 'AS004';
  END IF;
  RETURN clock_timestamp() - make_interval(secs => age_seconds);
END
$$;

-- The workflows that have payloads of that age, in the order of their IDs, from the first one after `last_seen` on.
CREATE FUNCTION assay.old_payload_workflows(age_seconds double precision, last_seen text, most integer)
RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  horizon timestamptz := assay.payload_horizon(age_seconds);
BEGIN
  RETURN QUERY SELECT DISTINCT p.workflow_id FROM assay.payload p
    WHERE p.stored_at < horizon AND p.workflow_id > last_seen ORDER BY 1 LIMIT least(most, 1000);
END
$$;

-- Removes payloads of that age of these workflows, a thousand at most; gives how many.
CREATE FUNCTION assay.purge_payloads(age_seconds double precision, of_workflows text[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  horizon timestamptz := assay.payload_horizon(age_seconds);
  removed integer;
BEGIN
  DELETE FROM assay.payload p WHERE p.id IN (
    SELECT o.id FROM assay.payload o WHERE o.stored_at < horizon AND o.workflow_id = ANY (of_workflows)
    ORDER BY o.id LIMIT 1000 FOR UPDATE
  );
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END
$$;

REVOKE ALL ON FUNCTION assay.put_payload, assay.get_payload, assay.payload_horizon, assay.old_payload_workflows,
  assay.purge_payloads FROM PUBLIC;
GRANT EXECUTE ON FUNCTION assay.put_payload, assay.get_payload TO assay_api, assay_writer;
GRANT EXECUTE ON FUNCTION assay.old_payload_workflows, assay.purge_payloads TO assay_writer;
