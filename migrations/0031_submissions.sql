-- Requests for runs in clients' formats, so that a repeat joins the run of the first request instead of starting another.
-- A row is a run that was asked for within the last minutes. What is lost in a crash of the server makes a repeat a run of
-- its own, so nothing here waits for the disk.

-- `tag`: random; the run's ID is a keyed hash of digest and tag, so that no row leads to another caller's run, or to one of
-- another body. `digest`: keyed, of tenant, caller, policy and body. `connection`: the newest of the run's. `retries`: how often the client
-- says it has repeated the request. `session`: keyed, of the client's own session. `state`: 'open' while the connection
-- waits, 'cut' if it ended without an answer, otherwise the answer's kind.
CREATE TABLE assay.submission (
  tag text COLLATE "C" PRIMARY KEY,
  digest bytea NOT NULL CHECK (octet_length(digest) = 32),
  connection text NOT NULL,
  streamed boolean NOT NULL,
  session bytea CHECK (octet_length(session) = 32),
  retries integer NOT NULL,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'cut', 'answered', 'refused', 'failed')),
  seen_at timestamptz NOT NULL,
  kept_until timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX submission_digest ON assay.submission (digest);
CREATE INDEX submission_oldest ON assay.submission (kept_until);

-- Equal requests take turns by locking a row that no login can lock.
CREATE TABLE assay.submission_turn (slot integer PRIMARY KEY);
INSERT INTO assay.submission_turn (slot) SELECT generate_series(0, 255);

-- When the caller's last request was refused for its rate, to some seconds: a repeat of such a one has no run to join.
ALTER TABLE assay.rate_bucket ADD COLUMN refused_at timestamptz;

-- Like 0016, and notes a refusal, at most once in five seconds.
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
  ELSE
    UPDATE assay.rate_bucket b SET refused_at = moment
    WHERE b.tenant = of_tenant AND b.caller = of_caller
      AND (b.refused_at IS NULL OR b.refused_at < moment - interval '5 seconds');
  END IF;
  reset_after := extract(epoch FROM next_arrival - moment);
  remaining := floor(extract(epoch FROM moment + span - next_arrival) / extract(epoch FROM step));
  retry_after := CASE WHEN allowed THEN 0 ELSE extract(epoch FROM next_arrival + step - span - moment) END;
END
$$;

-- Finds the run that a request repeats, or takes `new_tag` for it. A repeat is an equal request
--  * after the connection of the first ended without an answer, or gave no sign of life for 15 s;
--  * of the same session, and never of another;
--  * whole, where the first was a stream: a fallback;
--  * after a refusal of the first;
--  * that the client counts as a repeat, more often than the row has seen, unless it may repeat one refused for its rate.
-- `fresh_failure`: the run joined failed within the last five seconds, and is not to be attempted again yet.
CREATE FUNCTION assay.begin_submission(
  of_tenant text, of_caller text, body_digest bytea, new_tag text, new_connection text, is_streamed boolean,
  of_session bytea, retry integer,
  OUT found_tag text, OUT joined boolean, OUT fresh_failure boolean
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  moment timestamptz;
  unserved boolean := false;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  PERFORM 1 FROM assay.submission_turn t WHERE t.slot = get_byte(body_digest, 0) FOR UPDATE; -- two repeats join two runs
  moment := clock_timestamp();
  DELETE FROM assay.submission s WHERE s.tag = ANY (ARRAY(
    SELECT o.tag FROM assay.submission o WHERE o.kept_until < moment
    ORDER BY o.kept_until LIMIT 3 FOR UPDATE SKIP LOCKED
  ));
  IF retry > 0 THEN
    -- buckets of the caller, and of its API keys
    SELECT bool_or(b.refused_at > moment - interval '2 minutes') INTO unserved FROM assay.rate_bucket b
    WHERE b.tenant = of_tenant AND (b.caller = of_caller OR starts_with(b.caller, of_caller || '/'));
  END IF;
  SELECT f.tag, true, f.state = 'failed' AND f.seen_at > moment - interval '5 seconds'
  INTO found_tag, joined, fresh_failure
  FROM (
    SELECT s.tag, s.state, s.seen_at, s.session,
      s.state = 'cut' OR (s.state = 'open' AND s.seen_at < moment - interval '15 seconds') AS ended
    FROM assay.submission s
    WHERE s.digest = body_digest AND s.kept_until >= moment AND (s.session = of_session) IS NOT FALSE
      AND (s.state IN ('cut', 'refused') OR (s.state = 'open' AND s.seen_at < moment - interval '15 seconds')
        OR s.session = of_session OR (s.streamed AND NOT is_streamed)
        OR (retry > s.retries AND unserved IS NOT TRUE))
  ) f
  ORDER BY (f.session IS NOT DISTINCT FROM of_session) DESC, f.ended DESC, f.seen_at DESC, f.tag
  LIMIT 1;
  IF found_tag IS NULL THEN
    found_tag := new_tag;
    joined := false;
    fresh_failure := false;
    INSERT INTO assay.submission (tag, digest, connection, streamed, session, retries, seen_at, kept_until)
    VALUES (new_tag, body_digest, new_connection, is_streamed, of_session, retry, moment, moment + interval '10 minutes');
  ELSE
    UPDATE assay.submission s
    SET connection = new_connection, streamed = is_streamed, session = coalesce(of_session, s.session), state = 'open',
      retries = greatest(s.retries, retry), seen_at = moment, kept_until = moment + interval '10 minutes'
    WHERE s.tag = found_tag;
  END IF;
END
$$;

-- Notes that the connection still waits (`ending` null), or how it ended; forgets a run that was withdrawn. Nothing for one that another has followed.
CREATE FUNCTION assay.note_submission(of_tag text, of_connection text, ending text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  moment timestamptz := clock_timestamp();
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  IF ending = 'withdrawn' THEN
    DELETE FROM assay.submission s WHERE s.tag = of_tag AND s.connection = of_connection;
    RETURN;
  END IF;
  UPDATE assay.submission s
  SET state = coalesce(ending, s.state), seen_at = moment,
    kept_until = moment + CASE WHEN coalesce(ending, 'cut') = 'cut' THEN interval '10 minutes' ELSE interval '1 minute' END
  WHERE s.tag = of_tag AND s.connection = of_connection AND s.state = 'open';
END
$$;

REVOKE ALL ON FUNCTION assay.begin_submission, assay.note_submission FROM PUBLIC;
GRANT EXECUTE ON FUNCTION assay.begin_submission, assay.note_submission TO assay_api;
