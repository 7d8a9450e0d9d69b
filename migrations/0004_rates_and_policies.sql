-- Rates by GCRA (the generic cell rate algorithm of ITU-T I.371, as virtual scheduling), and policies by content hash.

-- Spends one of `allowance` requests a `window_seconds`, all of which may come at once. A refused request spends nothing.
CREATE FUNCTION assay.take_rate(
  of_tenant text, of_caller text, allowance integer, window_seconds double precision,
  OUT allowed boolean, OUT remaining integer, OUT retry_after double precision, OUT reset_after double precision
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  moment timestamptz := clock_timestamp();
  span interval := make_interval(secs => window_seconds);
  step interval := make_interval(secs => window_seconds / allowance);
  next_arrival timestamptz;
BEGIN
  -- An arrival beyond the window is left from a longer window, or from a clock that was set back: it counts as a full one.
  INSERT INTO assay.rate_bucket AS b (tenant, caller, arrival) VALUES (of_tenant, of_caller, moment + step)
  ON CONFLICT (tenant, caller) DO UPDATE SET arrival = least(greatest(b.arrival, moment), moment + span) + step
    WHERE least(greatest(b.arrival, moment), moment + span) + step <= moment + span
  RETURNING arrival INTO next_arrival;
  allowed := FOUND;
  IF NOT allowed THEN
    SELECT least(greatest(b.arrival, moment), moment + span) INTO STRICT next_arrival FROM assay.rate_bucket b
    WHERE b.tenant = of_tenant AND b.caller = of_caller;
  END IF;
  reset_after := extract(epoch FROM next_arrival - moment);
  remaining := floor(extract(epoch FROM moment + span - next_arrival) / extract(epoch FROM step));
  retry_after := CASE WHEN allowed THEN 0 ELSE extract(epoch FROM next_arrival + step - span - moment) END;
END
$$;

CREATE FUNCTION assay.put_policy(content bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  content_hash text := encode(sha256(content), 'hex');
BEGIN
  INSERT INTO assay.policy (hash, document) VALUES (content_hash, content) ON CONFLICT (hash) DO NOTHING;
  RETURN content_hash;
END
$$;

CREATE FUNCTION assay.get_policy(content_hash text) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT p.document FROM assay.policy p WHERE p.hash = content_hash
$$;

REVOKE ALL ON FUNCTION assay.take_rate, assay.put_policy, assay.get_policy FROM PUBLIC;
GRANT EXECUTE ON FUNCTION assay.take_rate, assay.put_policy TO assay_api;
GRANT EXECUTE ON FUNCTION assay.get_policy TO assay_api, assay_writer;
