-- Recording an event, exactly once by its ID. SQLSTATE AS001: it is recorded with other content; DETAIL is its kind.

CREATE FUNCTION assay.append(
  event uuid, of_tenant text, of_kind text, at timestamptz, of_workflow text, of_run text,
  open_fields json, key_name text, sealed bytea, mac bytea, sha256 bytea,
  OUT stored_digest bytea, OUT stored_time timestamptz, OUT repeated boolean
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  stored record;
BEGIN
  INSERT INTO assay.record
    (event_id, tenant, kind, recorded_at, workflow_id, run_id, fields, key_id, ciphertext, content_mac, digest)
  VALUES (event, of_tenant, of_kind, at, of_workflow, of_run, open_fields, key_name, sealed, mac, sha256)
  ON CONFLICT (event_id) DO NOTHING;
  IF FOUND THEN
    stored_digest := sha256;
    stored_time := at;
    repeated := false;
    RETURN;
  END IF;
  -- Whoever came first has committed: ON CONFLICT waited for that.
  SELECT r.kind, r.content_mac, r.digest, r.recorded_at INTO STRICT stored FROM assay.record r WHERE r.event_id = event;
  IF stored.content_mac <> mac THEN
    RAISE EXCEPTION 'this event is recorded with other content' USING ERRCODE = 'AS001', DETAIL = stored.kind;
  END IF;
  stored_digest := stored.digest;
  stored_time := stored.recorded_at;
  repeated := true;
END
$$;
REVOKE ALL ON FUNCTION assay.append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION assay.append TO assay_api, assay_writer;
