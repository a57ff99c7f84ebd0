-- The plans that come with Octroi: the content of plans.toml, as `octroi plans push` declares it.
set role octroi_owner;

do $$
begin
  perform octroi_private.declare_plans($json${
    "plan": [
      {
        "code": "free", "name": "Free", "default": true,
        "allow_loss": {
          "usd_cents": 10, "reason": "What it costs to be tried: a month of it, all on the dearest model"
        },
        "models": [
          "gpt-6.1-terra", "gpt-6-luna", "gpt-5.6-luna", "gpt-5.4-mini", "text-embedding-3-small",
          "text-embedding-3-large", "text-embedding-ada-002"
        ],
        "limit": [
          {"meter": "tokens", "period": "month", "amount": 10000},
          {"meter": "requests", "period": "day", "amount": 200}
        ]
      },
      {
        "code": "basic", "name": "Basic", "currency": "usd", "price": {"month": 900, "year": 9000}, "seats": 5,
        "features": ["100,000 tokens a month", "Top-ups"], "top_ups": ["tokens_100k", "tokens_1m"],
        "models": [
          "gpt-6.1-terra", "gpt-6-luna", "gpt-5.6-luna", "gpt-5.4-mini", "text-embedding-3-small",
          "text-embedding-3-large", "text-embedding-ada-002"
        ],
        "limit": [{"meter": "tokens", "period": "month", "amount": 100000}],
        "overage": [{"meter": "tokens", "slice": 1000, "price": 2, "spend_cap": 2000, "on": false}]
      },
      {
        "code": "premium", "name": "Premium", "currency": "usd", "price": {"month": 4900, "year": 49000}, "seats": 25,
        "features": ["1,000,000 tokens a month", "Roll-over", "Top-ups"], "top_ups": ["tokens_100k", "tokens_1m"],
        "models": [
          "gpt-6.1-terra", "gpt-6-luna", "gpt-5.6-luna", "gpt-5.4-mini", "text-embedding-3-small",
          "text-embedding-3-large", "text-embedding-ada-002"
        ],
        "limit": [{"meter": "tokens", "period": "month", "amount": 1000000, "rollover": {"max": 200000, "months": 1}}],
        "overage": [{"meter": "tokens", "slice": 1000, "price": 1, "spend_cap": 10000, "on": false}]
      }
    ],
    "top_up": [
      {
        "code": "tokens_100k", "name": "100,000 tokens", "meter": "tokens", "amount": 100000, "price": 500,
        "currency": "usd", "expires_after_days": 365
      },
      {
        "code": "tokens_1m", "name": "1,000,000 tokens", "meter": "tokens", "amount": 1000000, "price": 4000,
        "currency": "usd", "expires_after_days": 365
      }
    ]
  }$json$, false);
end
$$;

reset role;
