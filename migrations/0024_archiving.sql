-- A month that leaves the log for its files is announced first, by a statement that the archiver signs in Vault. Without a
-- recent one, and without a manifest, a month outside the log is a fault: an owner of the database can take out any.

CREATE TABLE assay.archiving (
  month date PRIMARY KEY,
  statement text NOT NULL CHECK (octet_length(statement) <= 4096)
);

CREATE FUNCTION assay.announce_archiving(in_month date, signed text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO assay.archiving (month, statement) VALUES (in_month, signed)
  ON CONFLICT (month) DO UPDATE SET statement = excluded.statement
$$;

REVOKE ALL ON FUNCTION assay.announce_archiving FROM PUBLIC;
GRANT EXECUTE ON FUNCTION assay.announce_archiving TO assay_archiver;
GRANT SELECT ON assay.archiving TO assay_auditor;
