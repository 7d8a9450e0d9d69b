-- take_rate() does not have its caller wait until the bucket is on disk. What a crash of the server can lose is less than a
-- second of buckets, so that a caller may send as many requests again; accounts and records are committed as before. The
-- setting ends with the transaction: take_rate() is called in one of its own.

CREATE OR REPLACE FUNCTION assay.take_rate(
  of_tenant text, of_caller text, allowance integer, window_seconds double precision,
  OUT allowed boolean, OUT remaining integer, OUT retry_after double precision, OUT reset_after double precision
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  span interval := make_interval(secs => window_seconds);
  step interval := make_interval(secs => window_seconds / allowance);
  moment timestamptz;
  next_arrival timestamptz;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  LOOP
    SELECT b.arrival INTO next_arrival FROM assay.rate_bucket b
    WHERE b.tenant = of_tenant AND b.caller = of_caller FOR UPDATE;
    EXIT WHEN FOUND;
    INSERT INTO assay.rate_bucket (tenant, caller, arrival) VALUES (of_tenant, of_caller, clock_timestamp())
    ON CONFLICT (tenant, caller) DO NOTHING;
  END LOOP;
  moment := clock_timestamp();
  -- An arrival beyond the window is left from a longer window, or from a clock that was set back: it counts as a full one.
  next_arrival := least(greatest(next_arrival, moment), moment + span);
  allowed := next_arrival + step <= moment + span;
  IF allowed THEN
    next_arrival := next_arrival + step;
    UPDATE assay.rate_bucket b SET arrival = next_arrival WHERE b.tenant = of_tenant AND b.caller = of_caller;
  END IF;
  reset_after := extract(epoch FROM next_arrival - moment);
  remaining := floor(extract(epoch FROM moment + span - next_arrival) / extract(epoch FROM step));
  retry_after := CASE WHEN allowed THEN 0 ELSE extract(epoch FROM next_arrival + step - span - moment) END;
END
$$;
