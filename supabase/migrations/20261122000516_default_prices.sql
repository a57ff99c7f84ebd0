-- The prices that come with Octroi: the content of prices.toml, as `octroi prices set` declares it.
set role octroi_owner;

do $$
begin
  perform octroi_private.declare_prices($json${
    "source":
      "PyPI litellm 1.110.2 (its cost map names developers.openai.com/api/docs/pricing) and openai 3.57.0 (model names, shut-down dates)",
    "model": [
      {"name": "gpt-6.1-sol", "from": "2026-01-01", "encoding": "o200k_base", "endpoints": ["chat.completions",
        "responses"], "reasoning": true, "max_input_tokens": 922000, "max_output_tokens": 128000, "input":
        2000000, "cached_input": 100000, "cache_write": 2500000, "cache_write_12h": 5000000, "output": 10000000,
        "long": {"above": 272000, "input": 4000000, "cached_input": 200000, "cache_write": 5000000,
        "cache_write_12h": 10000000, "output": 15000000}},
      {"name": "gpt-6.1-terra", "from": "2026-01-01", "encoding": "o200k_base", "endpoints":
        ["chat.completions", "responses"], "reasoning": true, "max_input_tokens": 922000, "max_output_tokens":
        128000, "input": 1000000, "cached_input": 50000, "cache_write": 1250000, "cache_write_12h": 2500000,
        "output": 5000000, "long": {"above": 272000, "input": 2000000, "cached_input": 100000, "cache_write":
        2500000, "cache_write_12h": 5000000, "output": 7500000}},
      {"name": "gpt-6-astra", "from": "2026-01-01", "encoding": "o200k_base", "endpoints": ["chat.completions",
        "responses"], "reasoning": true, "max_input_tokens": 922000, "max_output_tokens": 128000, "input":
        10000000, "cached_input": 1000000, "cache_write": 12500000, "cache_write_12h": 25000000, "output":
        50000000, "long": {"above": 272000, "input": 20000000, "cached_input": 2000000, "cache_write": 25000000,
        "cache_write_12h": 50000000, "output": 75000000}},
      {"name": "gpt-6-sol", "from": "2026-01-01", "encoding": "o200k_base", "endpoints": ["chat.completions",
        "responses"], "reasoning": true, "max_input_tokens": 922000, "max_output_tokens": 128000, "input":
        2000000, "cached_input": 200000, "cache_write": 2500000, "cache_write_12h": 5000000, "output": 10000000,
        "long": {"above": 272000, "input": 4000000, "cached_input": 400000, "cache_write": 5000000,
        "cache_write_12h": 10000000, "output": 15000000}},
      {"name": "gpt-6-luna", "from": "2026-01-01", "encoding": "o200k_base", "endpoints": ["chat.completions",
        "responses"], "reasoning": true, "max_input_tokens": 922000, "max_output_tokens": 128000, "input":
        100000, "cached_input": 10000, "cache_write": 125000, "cache_write_12h": 250000, "output": 500000,
        "long": {"above": 272000, "input": 200000, "cached_input": 20000, "cache_write": 250000,
        "cache_write_12h": 500000, "output": 750000}},
      {"name": "gpt-5.6", "from": "2026-01-01", "encoding": "o200k_base", "endpoints": ["chat.completions",
        "responses"], "reasoning": true, "max_input_tokens": 922000, "max_output_tokens": 128000, "input":
        4000000, "cached_input": 400000, "cache_write": 5000000, "cache_write_12h": 10000000, "output":
        20000000, "long": {"above": 272000, "input": 8000000, "cached_input": 800000, "cache_write": 10000000,
        "cache_write_12h": 20000000, "output": 30000000}},
      {"name": "gpt-5.6-sol", "from": "2026-01-01", "encoding": "o200k_base", "endpoints": ["chat.completions",
        "responses"], "reasoning": true, "max_input_tokens": 922000, "max_output_tokens": 128000, "input":
        4000000, "cached_input": 400000, "cache_write": 5000000, "cache_write_12h": 10000000, "output":
        20000000, "long": {"above": 272000, "input": 8000000, "cached_input": 800000, "cache_write": 10000000,
        "cache_write_12h": 20000000, "output": 30000000}},
      {"name": "gpt-5.6-terra", "from": "2026-01-01", "encoding": "o200k_base", "endpoints":
        ["chat.completions", "responses"], "reasoning": true, "max_input_tokens": 922000, "max_output_tokens":
        128000, "input": 2000000, "cached_input": 200000, "cache_write": 2500000, "cache_write_12h": 5000000,
        "output": 12000000, "long": {"above": 272000, "input": 4000000, "cached_input": 400000, "cache_write":
        5000000, "cache_write_12h": 10000000, "output": 18000000}},
      {"name": "gpt-5.6-luna", "from": "2026-01-01", "encoding": "o200k_base", "endpoints": ["chat.completions",
        "responses"], "reasoning": true, "max_input_tokens": 922000, "max_output_tokens": 128000, "input":
        200000, "cached_input": 20000, "cache_write": 250000, "cache_write_12h": 500000, "output": 1200000,
        "long": {"above": 272000, "input": 400000, "cached_input": 40000, "cache_write": 500000,
        "cache_write_12h": 1000000, "output": 1800000}},
      {"name": "gpt-5.5", "aliases": ["gpt-5.5-2026-04-23"], "from": "2026-01-01", "encoding": "o200k_base",
        "endpoints": ["chat.completions", "responses"], "reasoning": true, "max_input_tokens": 922000,
        "max_output_tokens": 128000, "input": 5000000, "cached_input": 500000, "output": 30000000, "long":
        {"above": 272000, "input": 10000000, "cached_input": 1000000, "output": 45000000}},
      {"name": "gpt-5.5-pro", "aliases": ["gpt-5.5-pro-2026-04-23"], "from": "2026-01-01", "encoding":
        "o200k_base", "endpoints": ["responses"], "reasoning": true, "max_input_tokens": 922000,
        "max_output_tokens": 128000, "input": 30000000, "output": 180000000, "long": {"above": 272000, "input":
        60000000, "output": 270000000}},
      {"name": "gpt-5.4", "aliases": ["gpt-5.4-2026-03-05"], "from": "2026-01-01", "encoding": "o200k_base",
        "endpoints": ["chat.completions", "responses"], "max_input_tokens": 922000, "max_output_tokens": 128000,
        "input": 2500000, "cached_input": 250000, "output": 15000000, "long": {"above": 272000, "input":
        5000000, "cached_input": 500000, "output": 22500000}},
      {"name": "gpt-5.4-pro", "aliases": ["gpt-5.4-pro-2026-03-05"], "from": "2026-01-01", "encoding":
        "o200k_base", "endpoints": ["responses"], "reasoning": true, "max_input_tokens": 922000,
        "max_output_tokens": 128000, "input": 30000000, "output": 180000000, "long": {"above": 272000, "input":
        60000000, "output": 270000000}},
      {"name": "gpt-5.4-mini", "aliases": ["gpt-5.4-mini-2026-03-17"], "from": "2026-01-01", "encoding":
        "o200k_base", "endpoints": ["chat.completions", "responses"], "max_input_tokens": 272000,
        "max_output_tokens": 128000, "input": 750000, "cached_input": 75000, "output": 4500000},
      {"name": "gpt-5.4-nano", "aliases": ["gpt-5.4-nano-2026-03-17"], "from": "2026-01-01", "until":
        "2027-04-01", "encoding": "o200k_base", "endpoints": ["chat.completions", "responses"],
        "max_input_tokens": 272000, "max_output_tokens": 128000, "input": 200000, "cached_input": 20000,
        "output": 1250000},
      {"name": "gpt-5.3-codex", "from": "2026-01-01", "until": "2027-04-01", "encoding": "o200k_base",
        "endpoints": ["responses"], "reasoning": true, "max_input_tokens": 272000, "max_output_tokens": 128000,
        "input": 1750000, "cached_input": 175000, "output": 14000000},
      {"name": "gpt-5.2", "aliases": ["gpt-5.2-2025-12-11"], "from": "2026-01-01", "encoding": "o200k_base",
        "endpoints": ["chat.completions", "responses"], "max_input_tokens": 272000, "max_output_tokens": 128000,
        "input": 1750000, "cached_input": 175000, "output": 14000000},
      {"name": "gpt-5.2-pro", "aliases": ["gpt-5.2-pro-2025-12-11"], "from": "2026-01-01", "encoding":
        "o200k_base", "endpoints": ["responses"], "reasoning": true, "max_input_tokens": 272000,
        "max_output_tokens": 128000, "input": 21000000, "output": 168000000},
      {"name": "gpt-5.1", "aliases": ["gpt-5.1-2025-11-13"], "from": "2026-01-01", "until": "2027-04-01",
        "encoding": "o200k_base", "endpoints": ["chat.completions", "responses"], "max_input_tokens": 272000,
        "max_output_tokens": 128000, "input": 1250000, "cached_input": 125000, "output": 10000000},
      {"name": "gpt-5", "aliases": ["gpt-5-2025-08-07"], "from": "2026-01-01", "until": "2026-12-11",
        "encoding": "o200k_base", "endpoints": ["chat.completions", "responses"], "reasoning": true,
        "max_input_tokens": 272000, "max_output_tokens": 128000, "input": 1250000, "cached_input": 125000,
        "output": 10000000},
      {"name": "gpt-5-pro", "aliases": ["gpt-5-pro-2025-10-06"], "from": "2026-01-01", "until": "2026-12-11",
        "encoding": "o200k_base", "endpoints": ["responses"], "reasoning": true, "max_input_tokens": 400000,
        "max_output_tokens": 272000, "input": 15000000, "output": 120000000},
      {"name": "gpt-5-mini", "aliases": ["gpt-5-mini-2025-08-07"], "from": "2026-01-01", "until": "2026-12-11",
        "encoding": "o200k_base", "endpoints": ["chat.completions", "responses"], "reasoning": true,
        "max_input_tokens": 272000, "max_output_tokens": 128000, "input": 250000, "cached_input": 25000,
        "output": 2000000},
      {"name": "gpt-5-nano", "aliases": ["gpt-5-nano-2025-08-07"], "from": "2026-01-01", "until": "2026-12-11",
        "encoding": "o200k_base", "endpoints": ["chat.completions", "responses"], "reasoning": true,
        "max_input_tokens": 272000, "max_output_tokens": 128000, "input": 50000, "cached_input": 5000, "output":
        400000},
      {"name": "gpt-4.1", "aliases": ["gpt-4.1-2025-04-14"], "from": "2026-01-01", "until": "2027-01-14",
        "encoding": "o200k_base", "endpoints": ["chat.completions", "responses"], "max_input_tokens": 1014808,
        "max_output_tokens": 32768, "input": 2000000, "cached_input": 500000, "output": 8000000},
      {"name": "gpt-4.1-mini", "aliases": ["gpt-4.1-mini-2025-04-14"], "from": "2026-01-01", "until":
        "2027-01-14", "encoding": "o200k_base", "endpoints": ["chat.completions", "responses"],
        "max_input_tokens": 1014808, "max_output_tokens": 32768, "input": 400000, "cached_input": 100000,
        "output": 1600000},
      {"name": "gpt-4o", "aliases": ["gpt-4o-2024-08-06", "gpt-4o-2024-11-20"], "from": "2026-01-01", "until":
        "2027-01-14", "encoding": "o200k_base", "endpoints": ["chat.completions", "responses"],
        "max_input_tokens": 128000, "max_output_tokens": 16384, "input": 2500000, "cached_input": 1250000,
        "output": 10000000},
      {"name": "gpt-4o-mini", "aliases": ["gpt-4o-mini-2024-07-18"], "from": "2026-01-01", "until":
        "2027-01-14", "encoding": "o200k_base", "endpoints": ["chat.completions", "responses"],
        "max_input_tokens": 128000, "max_output_tokens": 16384, "input": 150000, "cached_input": 75000,
        "output": 600000},
      {"name": "o3", "aliases": ["o3-2025-04-16"], "from": "2026-01-01", "until": "2026-12-11", "encoding":
        "o200k_base", "endpoints": ["chat.completions", "responses"], "reasoning": true, "max_input_tokens":
        200000, "max_output_tokens": 100000, "input": 2000000, "cached_input": 500000, "output": 8000000},
      {"name": "o3-pro", "aliases": ["o3-pro-2025-06-10"], "from": "2026-01-01", "until": "2026-12-11",
        "encoding": "o200k_base", "endpoints": ["responses"], "reasoning": true, "max_input_tokens": 200000,
        "max_output_tokens": 100000, "input": 20000000, "output": 80000000},
      {"name": "chat-latest", "from": "2026-01-01", "encoding": "o200k_base", "endpoints": ["chat.completions",
        "responses"], "reasoning": true, "max_input_tokens": 400000, "max_output_tokens": 128000, "input":
        5000000, "cached_input": 500000, "output": 30000000},
      {"name": "text-embedding-3-small", "from": "2026-01-01", "encoding": "cl100k_base", "endpoints":
        ["embeddings"], "max_input_tokens": 300000, "max_output_tokens": 0, "input": 20000, "output": 0},
      {"name": "text-embedding-3-large", "from": "2026-01-01", "encoding": "cl100k_base", "endpoints":
        ["embeddings"], "max_input_tokens": 300000, "max_output_tokens": 0, "input": 130000, "output": 0},
      {"name": "text-embedding-ada-002", "from": "2026-01-01", "encoding": "cl100k_base", "endpoints":
        ["embeddings"], "max_input_tokens": 300000, "max_output_tokens": 0, "input": 100000, "output": 0}
    ]
  }$json$, false);
end
$$;

reset role;
