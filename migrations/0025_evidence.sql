-- Every column of a new record has evidence in the log: the open fields, which the digest covers, repeat `content_mac`, and
-- `stored_at`, which nothing reads, is `recorded_at`.

-- Like 0008, but for `stored_at`.
CREATE OR REPLACE FUNCTION assay.append(
  r assay.sealed_record, OUT stored_digest bytea, OUT stored_time timestamptz, OUT repeated boolean
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  stored record;
BEGIN
  INSERT INTO assay.record
    (event_id, schema, tenant, kind, recorded_at, workflow_id, run_id, subject, fields, key_id, subject_key, ciphertext,
     content_mac, digest, stored_at)
  VALUES
    (r.event_id, r.schema, r.tenant, r.kind, r.recorded_at, r.workflow_id, r.run_id, r.subject, r.fields, r.key_id,
     r.subject_key, r.ciphertext, r.content_mac, r.digest, r.recorded_at)
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
