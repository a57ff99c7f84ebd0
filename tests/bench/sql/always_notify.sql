-- The naive way to tell of a job, to compare with; off until it is measured.
create function bench.always_notify() returns trigger language plpgsql as $$
begin
  perform pg_notify('octroi_job', '');
  return null;
end
$$;
create trigger always_notify after insert on octroi_private.job
for each statement execute function bench.always_notify();
alter table octroi_private.job disable trigger always_notify;
