insert into octroi_private.job (kind, args) values ('bench_no_op', '{}');
