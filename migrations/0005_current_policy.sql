-- Which policy is current, for runs whose start names none. Append-only: it also tells what was current when.

CREATE TABLE assay.policy_turn (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  hash text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
  since timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON assay.policy_turn
  FOR EACH STATEMENT EXECUTE FUNCTION assay.refuse_change();
ALTER TABLE assay.policy_turn ENABLE ALWAYS TRIGGER append_only;

CREATE FUNCTION assay.current_policy() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT t.hash FROM assay.policy_turn t ORDER BY t.number DESC LIMIT 1
$$;

-- Going back to an earlier policy is a turn as well, so that the newest row tells and not the newest document.
CREATE FUNCTION assay.make_policy_current(content_hash text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM assay.policy p WHERE p.hash = content_hash) THEN
    RAISE EXCEPTION 'a policy that is not kept can''t become current';
  END IF;
  LOCK TABLE assay.policy_turn IN SHARE ROW EXCLUSIVE MODE;
  IF assay.current_policy() IS DISTINCT FROM content_hash THEN
    INSERT INTO assay.policy_turn (hash) VALUES (content_hash);
  END IF;
END
$$;

REVOKE ALL ON FUNCTION assay.make_policy_current, assay.current_policy FROM PUBLIC;
GRANT EXECUTE ON FUNCTION assay.make_policy_current TO assay_api;
GRANT EXECUTE ON FUNCTION assay.current_policy TO assay_api, assay_writer;
