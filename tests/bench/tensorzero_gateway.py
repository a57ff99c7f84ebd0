"""Runs TensorZero's gateway as an HTTP server: tensorzero_gateway.py CONFIG [REDIS_URL]. Its wheel has no command for that."""

import signal
import sys

import tensorzero

gateway = tensorzero._start_http_gateway(
    config_file=sys.argv[1],
    clickhouse_url=None,
    postgres_url=None,
    valkey_url=sys.argv[2] if len(sys.argv) > 2 else None,
    async_setup=False,
)
print(f"listening on {gateway.base_url}", flush=True)
signal.pause()
