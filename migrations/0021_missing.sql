-- Damage of the log becomes visible: to readers that of months whose records can't be read (their owner has taken them out,
-- or archiving does so just now), in the API's readiness that of logs that are not signed.

-- Where no record of a month is readable, but leaves exist, and no file accounts for them. A run's events belong to the
-- month that it began in, and may be recorded until 40 days after its end. Of a tenant also the newest leaf is looked up.
CREATE FUNCTION assay.unreadable_months(of_tenant text, since timestamptz, until timestamptz) RETURNS SETOF date
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE grown AS ( -- from each month with a leaf to the next one, by the index
    (SELECT date_trunc('month', assay.event_time(l.event_id) AT TIME ZONE 'UTC')::date AS month
      FROM assay.leaf l ORDER BY l.event_id LIMIT 1)
    UNION ALL
    SELECT (SELECT date_trunc('month', assay.event_time(l.event_id) AT TIME ZONE 'UTC')::date
      FROM assay.leaf l WHERE l.event_id >= (SELECT b.beyond FROM assay.month_bounds(g.month) b)
      ORDER BY l.event_id LIMIT 1)
    FROM grown g WHERE g.month IS NOT NULL
  ), newest AS (
    SELECT l.event_id FROM assay.leaf l WHERE l.tenant = of_tenant ORDER BY l.seq DESC LIMIT 1
  ), missing AS (
    SELECT g.month FROM grown g, LATERAL assay.month_bounds(g.month) b
    WHERE g.month IS NOT NULL
      AND NOT EXISTS (SELECT FROM assay.record r WHERE r.event_id >= b.first AND r.event_id < b.beyond)
    UNION
    SELECT date_trunc('month', assay.event_time(n.event_id) AT TIME ZONE 'UTC')::date FROM newest n
    WHERE NOT EXISTS (SELECT FROM assay.record r WHERE r.event_id = n.event_id)
  )
  SELECT m.month FROM missing m
  WHERE (until IS NULL OR m.month::timestamp AT TIME ZONE 'UTC' < until)
    AND (since IS NULL OR (m.month + interval '1 month 40 days') AT TIME ZONE 'UTC' > since)
    AND NOT EXISTS (SELECT FROM assay.archive a WHERE a.month = m.month AND a.dropped_at IS NOT NULL)
  ORDER BY m.month
$$;

-- Like it, of one event: its leaf exists, and its record can't be read here, nor is it in a file.
CREATE FUNCTION assay.is_unreadable(of_tenant text, event uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM assay.leaf l WHERE l.event_id = event AND (of_tenant IS NULL OR l.tenant = of_tenant)
  ) AND NOT EXISTS (SELECT FROM assay.record r WHERE r.event_id = event)
  AND NOT EXISTS (
    SELECT FROM assay.archive a WHERE a.dropped_at IS NOT NULL
      AND a.month = date_trunc('month', assay.event_time(event) AT TIME ZONE 'UTC')::date
  )
$$;

REVOKE ALL ON FUNCTION assay.unreadable_months, assay.is_unreadable FROM PUBLIC;
GRANT EXECUTE ON FUNCTION assay.unreadable_months, assay.is_unreadable TO assay_reader, assay_auditor;

-- Logs whose heads the sequencer refuses to sign: they were rolled back or changed. Each sequencer notes those that it has
-- found, so that the API's readiness shows them.
CREATE TABLE assay.refused_log (
  tenant text PRIMARY KEY,
  since timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION assay.note_refused(tenants text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM assay.refused_log r WHERE r.tenant <> ALL (tenants);
  INSERT INTO assay.refused_log (tenant) SELECT DISTINCT t.tenant FROM unnest(tenants) AS t (tenant) ON CONFLICT DO NOTHING;
$$;

-- How many logs are not signed, or don't grow.
CREATE FUNCTION assay.log_faults(OUT refused bigint, OUT stuck bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT (SELECT count(*) FROM assay.refused_log), (SELECT count(*) FROM assay.stuck_log)
$$;

REVOKE ALL ON FUNCTION assay.note_refused, assay.log_faults FROM PUBLIC;
GRANT EXECUTE ON FUNCTION assay.note_refused TO assay_sequencer;
GRANT EXECUTE ON FUNCTION assay.log_faults TO assay_api;
