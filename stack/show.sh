#!/usr/bin/env bash
# Shows how to use the running stack: its URLs, a curl that works, and the OpenAI SDK.
source "$(dirname "$0")/paths.sh"
# shellcheck source=/dev/null
source "$STACK_STATE/env"

cat <<TEXT

Octroi is up.
  A product's page that runs on it, to try in a browser   $OCTROI_EXAMPLE_URL
  Gateway (OpenAI-compatible)       $OCTROI_URL/v1
  Supabase: Data API, Auth, functions   $SUPABASE_URL
  Every URL and key of this stack   .local/env
  Octroi's command line             .local/bin/octroi, such as .local/bin/octroi doctor

Call it:
  curl $OCTROI_URL/v1/chat/completions \\
    -H "Authorization: Bearer $OCTROI_DEMO_KEY" -H "Content-Type: application/json" \\
    -d '{"model":"gpt-5.4-mini","messages":[{"role":"user","content":"Hello"}]}'

Or with the OpenAI SDK, unchanged but for its URL and key, in a virtual environment
(python3 -m venv .local/venv && .local/venv/bin/pip install openai; then .local/venv/bin/python):
  import os
  from openai import OpenAI
  client = OpenAI(base_url=os.environ["OCTROI_URL"] + "/v1", api_key=os.environ["OCTROI_DEMO_KEY"])
  answer = client.chat.completions.create(model="gpt-5.4-mini", messages=[{"role": "user", "content": "Hello"}])
  print(answer.choices[0].message.content, answer.usage.total_tokens)

In a shell, first:  set -a; source .local/env; set +a
See how much is left:  psql "\$DATABASE_URL" -c 'select * from octroi_private.balance'
Stop it:  make down
TEXT
