-- What a front end meets before anybody has signed in: whose pages may call from a browser, and what is on sale.
begin;
\ir setup/billing.sql
select plan(5);

select set_eq(
  'select octroi_private.page_origins()', array['http://localhost:3000'],
  'an installation begins with pages on this machine'
);
select octroi_private.set_billing_settings($${
  "return_origins": ["https://app.example.com", "https://shop.example.com"],
  "upgrade_url": "https://app.example.com/plans?from=mail", "top_up_url": "https://www.example.com:8443/packs", "billing_url": null
}$$) \g /dev/null
select set_eq(
  'select octroi_private.page_origins()',
  array['https://app.example.com', 'https://shop.example.com', 'https://www.example.com:8443'],
  'each site that is named, once'
);

-- What is on sale is for everybody.
select tap.play_role('anon') \g /dev/null
select set_eq(
  'select p.plan from octroi.plans as p', array['free', 'basic', 'premium'], 'whoever is not signed in sees the plans'
);
select results_eq(
  'select k.pack, k.price_minor, k.plans from octroi.top_up_packs as k',
  $$values ('small', 500::bigint, '{basic,premium}'::text [])$$, 'and the packs'
);
select is(
  tap.outcome_of('select p.code from octroi_private.plan as p'), '42501', 'and nothing of what is behind them'
);

select * from finish();
rollback;
