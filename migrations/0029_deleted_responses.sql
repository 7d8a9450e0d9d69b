-- Responses that their callers have deleted: they are not read again, while their runs and records stay.

CREATE TABLE assay.deleted_response (
  run_id text NOT NULL CHECK (length(run_id) <= 255),
  tenant text NOT NULL,
  deleted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (run_id, tenant) -- a row of another tenant's stands in the way of none
);

CREATE FUNCTION assay.delete_response(of_tenant text, of_run text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO assay.deleted_response (run_id, tenant) VALUES (of_run, of_tenant) ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION assay.response_deleted(of_tenant text, of_run text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM assay.deleted_response d WHERE d.run_id = of_run AND d.tenant = of_tenant)
$$;

-- Like 0022, and removes deletions that are that old: as with the first runs, their histories are gone by then.
CREATE OR REPLACE FUNCTION assay.prune_first_runs(age_seconds double precision) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  removed integer;
  responses integer;
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
  DELETE FROM assay.deleted_response d WHERE d.run_id = ANY (ARRAY(
    SELECT o.run_id FROM assay.deleted_response o
    WHERE o.deleted_at < clock_timestamp() - make_interval(secs => age_seconds)
    ORDER BY o.run_id LIMIT 1000 FOR UPDATE SKIP LOCKED
  ));
  GET DIAGNOSTICS responses = ROW_COUNT;
  RETURN removed + responses;
END
$$;

REVOKE ALL ON FUNCTION assay.delete_response, assay.response_deleted FROM PUBLIC;
GRANT EXECUTE ON FUNCTION assay.delete_response, assay.response_deleted TO assay_api;
