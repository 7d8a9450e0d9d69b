-- The tree grows; who may do what with the log.

-- Moves what is pending into the tree, in the order it came, without a gap. One caller at a time; to another, nothing is
-- pending. Whoever calls it writes the tiles and the edge in the same transaction.
CREATE FUNCTION assay.sequence(most integer) RETURNS TABLE (tenant text, seq bigint, event_id uuid, digest bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('assay.sequence')) THEN
    RETURN;
  END IF;
  RETURN QUERY
    WITH next AS (
      SELECT p.place FROM assay.pending p ORDER BY p.place LIMIT most
    ), taken AS (
      DELETE FROM assay.pending p USING next n WHERE p.place = n.place
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
END
$$;

-- How many records wait for the tree, and for how many seconds the oldest does.
CREATE FUNCTION assay.log_lag(OUT waiting bigint, OUT oldest double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(p.added_at)), 0)::double precision
  FROM (SELECT q.added_at FROM assay.pending q ORDER BY q.place LIMIT 10000) p
$$;

REVOKE ALL ON FUNCTION assay.first_event, assay.event_time, assay.make_month, assay.make_months, assay.keep_subject_key,
  assay.append, assay.admit, assay.close, assay.sequence, assay.log_lag FROM PUBLIC;
GRANT USAGE ON SCHEMA assay TO assay_auditor, assay_archiver, assay_sequencer;
GRANT EXECUTE ON FUNCTION assay.append, assay.keep_subject_key TO assay_api, assay_writer;
GRANT EXECUTE ON FUNCTION assay.admit, assay.close TO assay_writer;
GRANT EXECUTE ON FUNCTION assay.sequence, assay.make_months TO assay_sequencer;
GRANT EXECUTE ON FUNCTION assay.log_lag TO assay_sequencer, assay_api;

GRANT SELECT ON assay.record, assay.subject_key TO assay_reader, assay_auditor, assay_archiver;
GRANT SELECT ON assay.leaf, assay.tile, assay.log_head, assay.checkpoint
  TO assay_api, assay_reader, assay_auditor, assay_archiver, assay_sequencer;
GRANT SELECT ON assay.pending TO assay_auditor;
GRANT INSERT, UPDATE ON assay.tile TO assay_sequencer;
GRANT UPDATE (edge) ON assay.log_head TO assay_sequencer;
GRANT INSERT ON assay.checkpoint TO assay_sequencer;

-- A reader sees the one tenant that it names for the transaction (assay.tenant), and nothing where it names none.
ALTER TABLE assay.record ENABLE ROW LEVEL SECURITY;
ALTER TABLE assay.subject_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE assay.leaf ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON assay.record FOR SELECT TO assay_reader
  USING (tenant = current_setting('assay.tenant', true));
CREATE POLICY one_tenant ON assay.subject_key FOR SELECT TO assay_reader
  USING (tenant = current_setting('assay.tenant', true));
CREATE POLICY one_tenant ON assay.leaf FOR SELECT TO assay_reader
  USING (tenant = current_setting('assay.tenant', true));
CREATE POLICY all_tenants ON assay.record FOR SELECT TO assay_auditor, assay_archiver USING (true);
CREATE POLICY all_tenants ON assay.subject_key FOR SELECT TO assay_auditor, assay_archiver USING (true);
CREATE POLICY all_tenants ON assay.leaf FOR SELECT TO assay_api, assay_auditor, assay_archiver, assay_sequencer
  USING (true);
