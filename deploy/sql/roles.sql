-- Roles of Assay. Run once, by a superuser, connected to Assay's database (PostgreSQL 15 to 18); may be repeated.
--
-- Nobody logs in as a group role. Logins are made by Vault's database engine, live for an hour or so, and are members of
-- one group. `assay_vault` is the login of that engine; give it a password that Vault then rotates:
--
--   CREATE DATABASE assay;
--   \c assay
--   \i roles.sql
--   ALTER ROLE assay_vault PASSWORD '...';   -- then: vault write -f database/rotate-root/assay

DO $roles$
DECLARE
  wanted text;
  options text;
  wanted_roles text[] := ARRAY[
    'assay_owner', 'assay_api', 'assay_writer', 'assay_reader', 'assay_auditor', 'assay_archiver', 'assay_sequencer',
    'assay_custodian', 'assay_operator'
  ];
BEGIN
  FOREACH wanted IN ARRAY wanted_roles LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
    END IF;
  END LOOP;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'assay_vault') THEN
    CREATE ROLE assay_vault LOGIN CREATEROLE;
  END IF;

  -- Vault's login hands out membership but has none of its rights itself, where PostgreSQL can tell these apart.
  options := CASE
    WHEN current_setting('server_version_num')::integer >= 160000 THEN 'ADMIN TRUE, INHERIT FALSE, SET FALSE'
    ELSE 'ADMIN OPTION'
  END;
  FOREACH wanted IN ARRAY wanted_roles LOOP
    EXECUTE format('GRANT %I TO assay_vault WITH %s', wanted, options);
  END LOOP;
  GRANT pg_signal_backend TO assay_vault; -- revoking a lease ends the sessions that still use it

  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format(
    'GRANT CONNECT ON DATABASE %I TO assay_vault, %s', current_database(), array_to_string(wanted_roles, ', ')
  );
  REVOKE ALL ON SCHEMA public FROM PUBLIC;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'assay') THEN
    CREATE SCHEMA assay AUTHORIZATION assay_owner; -- so that the owner needs no right to create others
  END IF;
END
$roles$;
