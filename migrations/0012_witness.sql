-- Checkpoints get cosignatures of witnesses (C2SP tlog-witness), a line each, and are not changed otherwise.

CREATE FUNCTION assay.add_cosignature(of_tenant text, of_size bigint, line text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF line !~ '^— [^[:space:]+]+ [A-Za-z0-9+/]+=*\n$' OR length(line) > 4096 THEN
    RAISE EXCEPTION 'this is no signature line' USING ERRCODE = '22023';
  END IF;
  UPDATE assay.checkpoint c SET note = c.note || line
  WHERE c.tenant = of_tenant AND c.size = of_size AND length(c.note) < 32768
    AND position(E'\n— ' || split_part(line, ' ', 2) || ' ' IN c.note) = 0;
  RETURN FOUND;
END
$$;

REVOKE ALL ON FUNCTION assay.add_cosignature FROM PUBLIC;
GRANT EXECUTE ON FUNCTION assay.add_cosignature TO assay_sequencer;
