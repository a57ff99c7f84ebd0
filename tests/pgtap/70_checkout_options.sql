-- What the pages that customers pay on do beside taking the money, as the operator set it; which address they are
-- filled in with; and that a pack that is on an invoice is granted once.
begin;
\ir setup/billing.sql
select plan(22);

select tap.travel('2027-03-05 12:00+00') \g /dev/null
create table tap.asked (name text primary key, id uuid not null);
grant all on tap.asked to public;
create function tap.options_of(p_name text) returns jsonb
language sql
as $$
  select l.args -> 'options'
  from tap.asked as q cross join octroi_private.load_billing_request(q.id) as l
  where q.name = p_name
$$;

-- Nothing that needs something set up at Stripe is on at first.
select tap.play(:nora) \g /dev/null
insert into tap.asked values (
  'plain', octroi.start_checkout('basic', 'month', 'http://localhost:3000/a', 'http://localhost:3000/b')
);
select tap.clear() \g /dev/null
select is(
  tap.options_of('plain'), '{
    "automatic_tax": false, "tax_ids": false, "billing_address": "auto", "promotion_codes": false, "locale": "auto",
    "require_terms": false, "invoice": true
  }', 'at first a page asks for nothing but what Stripe needs, and a pack is on an invoice'
);
select octroi_private.set_billing_settings('{
  "automatic_tax": true, "tax_ids": true, "billing_address": "required", "promotion_codes": true,
  "checkout_locale": "account", "require_terms": true, "pack_invoices": false
}') \g /dev/null
select is(
  tap.options_of('plain'), '{
    "automatic_tax": false, "tax_ids": false, "billing_address": "auto", "promotion_codes": false, "locale": "auto",
    "require_terms": false, "invoice": true
  }', 'a page that was asked for before is made as it was asked for: Stripe knows its key'
);
select octroi_private.fail_billing_request((select q.id from tap.asked as q), 'given_up', 'x') \g /dev/null
select tap.play(:nora) \g /dev/null
select octroi.set_notifications(locale => 'fr') \g /dev/null
insert into tap.asked values (
  'rich', octroi.start_checkout('basic', 'month', 'http://localhost:3000/a', 'http://localhost:3000/b')
);
select tap.clear() \g /dev/null
select is(
  tap.options_of('rich'), '{
    "automatic_tax": true, "tax_ids": true, "billing_address": "required", "promotion_codes": true, "locale": "fr",
    "require_terms": true, "invoice": false
  }', 'each is a setting, and the language may be the one that the customer chose'
);
select is(
  tap.outcome_of($$select octroi_private.set_billing_settings('{"automatic_tax": "yes"}')$$), '22023',
  'a setting of another kind is refused'
);
select is(
  tap.outcome_of($$select octroi_private.set_billing_settings('{"billing_address": "never"}')$$),
  '23514 billing_setting_billing_address_check', 'and a value that there is not'
);
select is(
  tap.outcome_of($$select octroi_private.set_billing_settings('{"checkout_locale": "../en"}')$$),
  '23514 billing_setting_checkout_locale_check', 'a language is a language'
);

-- The address: the owner's own, once, unless it is not to be.
select octroi_private.set_contact(:nora, 'nora@example.test', null) \g /dev/null
select is(
  octroi_private.checkout_email((select q.id from tap.asked as q where q.name = 'rich')),
  (select m.email from (select 'nora@example.test' as email) as m
    where exists (select from octroi_private.contact as c where c.user_id = :nora and c.email is not null)),
  'the page is filled in with the address that its owner signs in with'
);
select octroi_private.set_billing_settings('{"prefill_email": false}') \g /dev/null
select is(
  octroi_private.checkout_email((select q.id from tap.asked as q where q.name = 'rich')), null,
  'not where the operator does not want that'
);
select octroi_private.set_billing_settings('{"prefill_email": true}') \g /dev/null
select octroi_private.fail_billing_request(q.id, 'given_up', 'x') from tap.asked as q \g /dev/null
select is(
  octroi_private.checkout_email((select q.id from tap.asked as q where q.name = 'rich')), null,
  'nor for a request that is over'
);

-- A pack that is paid on a page of ours and is on an invoice: two objects, one grant, in any order.
create function tap.packs() returns text
language sql
stable
as $$
  select coalesce(string_agg(format('%s for %s by %s', g.amount, t.paid_minor, t.payment_intent_id), ', '
    order by t.payment_intent_id), 'none')
  from octroi_private.top_up as t join octroi_private.quota_grant as g on g.id = t.grant_id
$$;
create function tap.page(p_id text, p_reference text, p_invoice text) returns jsonb
language sql
stable
as $$
  select jsonb_build_object(
    'id', p_id, 'customer', 'cus_nora', 'mode', 'payment', 'status', 'complete', 'payment_status', 'paid',
    'amount_total', 595, 'currency', 'eur', 'payment_intent', 'pi_' || p_id, 'created', tap.s(octroi_private.now()),
    'client_reference_id', p_reference, 'invoice', p_invoice, 'line_items', jsonb_build_array(jsonb_build_object(
      'id', 'li_' || p_id, 'price', tap.price('top-up-small-v1'), 'quantity', 1, 'amount_total', 595))
  )
$$;
create function tap.receipt(p_id text, p_reference text) returns jsonb
language sql
stable
as $$
  select jsonb_build_object(
    'id', p_id, 'customer', 'cus_nora', 'status', 'paid', 'billing_reason', 'manual', 'currency', 'eur',
    'subtotal', 500, 'tax', 95, 'total', 595, 'amount_due', 595, 'amount_paid', 595, 'number', 'NORA-0001',
    'created', tap.s(octroi_private.now()), 'reference', p_reference,
    'hosted_invoice_url', 'https://invoice.example/i/1', 'invoice_pdf', 'https://invoice.example/i/1/pdf',
    'lines', jsonb_build_array(jsonb_build_object(
      'id', 'il_' || p_id, 'price', tap.price('top-up-small-v1'), 'quantity', 1, 'amount', 500,
      'description', '5,000 tokens', 'period_start', tap.s(octroi_private.now()),
      'period_end', tap.s(octroi_private.now())))
  )
$$;
select octroi_private.assign_plan(:'account', 'basic') \g /dev/null
select octroi_private.set_billing_settings('{"pack_invoices": true}') \g /dev/null
select tap.play(:nora) \g /dev/null
insert into tap.asked values (
  'pack', octroi.buy_top_up('small', 'http://localhost:3000/a', 'http://localhost:3000/b')
);
select tap.clear() \g /dev/null
select q.id as pack_id from tap.asked as q where q.name = 'pack' \gset
select is(tap.options_of('pack') -> 'invoice', 'true', 'a pack is on an invoice again');
select tap.apply('invoice', tap.receipt('in_p1', :'pack_id')) \g /dev/null
select is(tap.packs(), 'none', 'the invoice of our own page comes first: the page counts');
select tap.apply('checkout_session', tap.page('cs_p1', :'pack_id', 'in_p1')) \g /dev/null
select is(tap.packs(), '5000 for 595 by pi_cs_p1', 'once, with the payment that a refund will name');
select tap.apply('invoice', tap.receipt('in_p1', :'pack_id')) \g /dev/null
select is(tap.packs(), '5000 for 595 by pi_cs_p1', 'and not again when either is looked at again');

-- One that is sold by a link of the operator's, without a request of ours.
select tap.apply('invoice', tap.receipt('in_p2', null)) \g /dev/null
select is((select count(*) from octroi_private.top_up), 2::bigint, 'a pack that is only on an invoice is granted');
select tap.apply('checkout_session', tap.page('cs_p2', null, 'in_p2')) \g /dev/null
select is((select count(*) from octroi_private.top_up), 2::bigint, 'and the page that made the invoice adds nothing');
select tap.apply('checkout_session', tap.page('cs_p3', null, 'in_p3')) \g /dev/null
select tap.apply('invoice', tap.receipt('in_p3', null)) \g /dev/null
select is((select count(*) from octroi_private.top_up), 3::bigint, 'nor the other way round');

-- What is claimed by an invoice of somebody else's request is believed of nobody.
select tap.apply('invoice', tap.receipt('in_p4', '01a00000-0000-7000-8000-00000000dead')) \g /dev/null
select is((select count(*) from octroi_private.top_up), 4::bigint,
'an invoice that names no request of the account''s');

-- What its owner reads.
select tap.play(:nora) \g /dev/null
select results_eq(
  $$select i.number, i.subtotal_minor, i.tax_minor, i.total_minor, i.lines -> 0 ->> 'description', i.hosted_url,
  i.pdf_url
    from octroi.my_invoices() as i where i.id = 'in_p1'$$,
  $$values ('NORA-0001', 500::bigint, 95::bigint, 595::bigint, '5,000 tokens', 'https://invoice.example/i/1',
    'https://invoice.example/i/1/pdf')$$, 'number, tax, lines, page and PDF'
);
select results_eq(
  $$select count(*), count(*) filter (where not has_more) from octroi.my_invoices(2)$$,
  $$values (2::bigint, 0::bigint)$$, 'page by page, each row saying that more follow'
);
select results_eq(
  $$select i.id, i.has_more from octroi.my_invoices(9, (select min(n.id) from octroi.my_invoices(3) as n)) as i$$,
  $$values ('in_p1'::text, false)$$, 'and the last one that it is the last'
);
select tap.clear() \g /dev/null
select tap.travel('2027-04-10 12:00+00') \g /dev/null
select octroi_private.forget_billing_urls(100) \g /dev/null
select is(
  (select count(*) from octroi_private.stripe_invoice as i where num_nonnulls(i.hosted_url, i.pdf_url) > 0), 0::bigint,
  'a month later the pages lead nowhere, and are forgotten'
);
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
