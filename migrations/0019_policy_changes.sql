-- A policy is made current by an operator's command, as assay_operator (see deploy/sql/roles.sql), and a turn says by which
-- login. The API's rights to do so stay for one release: processes of the one before make the policy of their files
-- current when they start, also while they are being replaced.

ALTER TABLE assay.policy_turn ADD COLUMN login text;
ALTER TABLE assay.policy_turn ALTER COLUMN login SET DEFAULT session_user;

-- Like 0014, but a record that names a login names the one that makes the change.
CREATE OR REPLACE FUNCTION assay.change_policy(content_hash text, after_turn bigint, r assay.sealed_record)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  newest record;
BEGIN
  IF (r.tenant, r.kind, r.fields->>'policy') IS DISTINCT FROM ('system', 'policy_changed', content_hash)
    OR r.fields->>'login' <> session_user
  THEN
    RAISE EXCEPTION 'a change of policy comes with its record' USING ERRCODE = 'AS012';
  END IF;
  LOCK TABLE assay.policy_turn IN SHARE ROW EXCLUSIVE MODE;
  SELECT t.number, t.hash INTO newest FROM assay.policy_turn() t;
  IF newest.hash IS NOT DISTINCT FROM content_hash THEN
    RETURN true;
  END IF;
  IF newest.number <> after_turn THEN
    RETURN false;
  END IF;
  IF r.fields->>'policy_before' IS DISTINCT FROM newest.hash THEN
    RAISE EXCEPTION 'a change of policy comes with its record' USING ERRCODE = 'AS012';
  END IF;
  PERFORM assay.append(r);
  PERFORM assay.make_policy_current(content_hash);
  RETURN true;
END
$$;

-- All policies, each with its last turn; those that were current last come first.
CREATE FUNCTION assay.stored_policies()
RETURNS TABLE (hash text, stored_at timestamptz, current_since timestamptz, login text, current boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT p.hash, p.created_at, t.since, t.login, p.hash IS NOT DISTINCT FROM assay.current_policy()
  FROM assay.policy p
  LEFT JOIN LATERAL (
    SELECT u.number, u.since, u.login FROM assay.policy_turn u WHERE u.hash = p.hash ORDER BY u.number DESC LIMIT 1
  ) t ON true
  ORDER BY t.number DESC NULLS LAST, p.created_at DESC
$$;

REVOKE ALL ON FUNCTION assay.stored_policies FROM PUBLIC;
GRANT USAGE ON SCHEMA assay TO assay_operator;
GRANT EXECUTE ON FUNCTION
  assay.put_policy, assay.get_policy, assay.current_policy, assay.policy_turn, assay.change_policy, assay.stored_policies
TO assay_operator;
