-- What ended without an outcome: reservations that are still held, events that are not recorded, and how far the last
-- look came.

CREATE INDEX reservation_held ON assay.reservation (id) WHERE state = 'held';

-- The identity of an event, as domain/identity.py makes it: a time in milliseconds, then a hash over length-prefixed
-- parts, shaped as a UUIDv7 (RFC 9562 section 5.7).
CREATE FUNCTION assay.event_id(started_ms bigint, VARIADIC parts text[]) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  material bytea := convert_to('assay/event/v1', 'UTF8') || '\x00'::bytea;
  part text;
  tail bytea;
BEGIN
  FOREACH part IN ARRAY parts LOOP
    material := material || int8send(octet_length(part)) || convert_to(part, 'UTF8');
  END LOOP;
  tail := substr(sha256(material), 1, 10);
  tail := set_byte(tail, 0, get_byte(tail, 0) & 15 | 112);
  tail := set_byte(tail, 2, get_byte(tail, 2) & 63 | 128);
  RETURN encode(substr(int8send(started_ms), 3) || tail, 'hex')::uuid;
END
$$;

-- Reservations that are held for longer than that, in the order of their IDs from the first one after `last_seen` on,
-- with the run that each was made for: what its admission says. An ID begins with the time that its run began.
CREATE FUNCTION assay.open_reservations(older_than_seconds double precision, last_seen uuid, most integer)
RETURNS TABLE (reservation_id uuid, tenant text, caller text, workflow_id text, run_id text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    SELECT v.id, v.tenant, v.caller, made.workflow_id, made.run_id
    FROM assay.reservation v
    LEFT JOIN LATERAL (
      SELECT a.workflow_id, a.run_id FROM assay.record a
      WHERE a.event_id >= (left(v.id::text, 13) || '-0000-0000-000000000000')::uuid
        AND a.event_id <= (left(v.id::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
        AND a.tenant = v.tenant AND a.kind = 'admitted'
        AND assay.event_id(
          ('x' || left(replace(v.id::text, '-', ''), 12))::bit(48)::bigint, a.tenant, a.workflow_id, a.run_id, 'reservation'
        ) = v.id
    ) made ON true
    WHERE v.state = 'held' AND (last_seen IS NULL OR v.id > last_seen)
      AND v.made_at < clock_timestamp() - make_interval(secs => older_than_seconds)
    ORDER BY v.id LIMIT least(most, 1000);
END
$$;

-- Those of these events that are not recorded, archived ones included: their leaves stay. It tells no more than that.
CREATE FUNCTION assay.missing_events(events uuid[]) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT e.id FROM unnest(events) AS e (id)
  WHERE NOT EXISTS (SELECT FROM assay.record r WHERE r.event_id = e.id)
    AND NOT EXISTS (SELECT FROM assay.leaf l WHERE l.event_id = e.id)
$$;

CREATE TABLE assay.last_look (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  began timestamptz NOT NULL
);

CREATE FUNCTION assay.last_look() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT l.began FROM assay.last_look l
$$;

-- A look that began then has seen all. It never goes back, nor ahead of this server's clock.
CREATE FUNCTION assay.looked(at timestamptz) RETURNS timestamptz
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO assay.last_look AS l (began) VALUES (least(at, clock_timestamp()))
  ON CONFLICT (only_one) DO UPDATE SET began = greatest(l.began, excluded.began)
  RETURNING l.began
$$;

REVOKE ALL ON FUNCTION assay.event_id, assay.open_reservations, assay.missing_events, assay.last_look, assay.looked
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION assay.open_reservations, assay.missing_events, assay.last_look, assay.looked TO assay_writer;
