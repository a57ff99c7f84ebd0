// What the official client makes of the stand-in's answers. The stories themselves are told in Rust, next door.
import assert from "node:assert/strict";
import { test } from "node:test";
import Stripe from "stripe";
import { WEBHOOK_SECRETS, withStandIn } from "./stand_in.mjs";

async function catalogue(stripe) {
  const product = await stripe.products.create({ id: "octroi-basic", name: "Basic" });
  const meter = await stripe.billing.meters.create({
    display_name: "Tokens",
    event_name: "tokens",
    default_aggregation: { formula: "sum" },
  });
  const base = await stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 900,
    recurring: { interval: "month" },
    lookup_key: "octroi-basic-v1-month",
  });
  const overage = await stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 2,
    transform_quantity: { divide_by: 1000, round: "up" },
    recurring: { interval: "month", usage_type: "metered", meter: meter.id },
    lookup_key: "octroi-basic-v1-overage-tokens",
  });
  return { product, meter, base, overage };
}

async function subscribed({ stripe, control }) {
  const { meter, base, overage } = await catalogue(stripe);
  const customer = await stripe.customers.create({ email: "ada@example.com", metadata: { octroi_account: "7" } });
  const session = await stripe.checkout.sessions.create({
    mode: "subscription",
    customer: customer.id,
    success_url: "https://app.example/done",
    line_items: [{ price: base.id, quantity: 1 }, { price: overage.id }],
    subscription_data: { billing_mode: { type: "flexible" } },
    expand: ["line_items"],
  });
  assert.equal(session.line_items.data.length, 2);
  const { subscription } = await control("POST", `checkout/${session.id}/complete`, {});
  return { customer, meter, subscription: await stripe.subscriptions.retrieve(subscription) };
}

test("the client and the stand-in agree on the API version", async () => {
  await withStandIn(async ({ stripe, url }) => {
    const { lastResponse } = await stripe.customers.create({});
    assert.equal(lastResponse.apiVersion, Stripe.API_VERSION ?? stripe.getApiField("version"));
    const other = { host: url.hostname, port: url.port, protocol: "http", apiVersion: "2025-03-31.basil" };
    await assert.rejects(new Stripe("sk_test_stand_in", other).customers.create({}), /Invalid Stripe API version/);
  });
});

test("a month from checkout to the paid invoice", async () => {
  await withStandIn(async (standIn) => {
    const { stripe, control } = standIn;
    const { customer, meter, subscription } = await subscribed(standIn);
    const [item] = subscription.items.data;
    assert.equal(subscription.status, "active");
    assert.equal(subscription.current_period_end, undefined, "it is the items' since basil");
    await stripe.billing.meterEvents.create({
      event_name: "tokens",
      identifier: "report-1",
      timestamp: item.current_period_start,
      payload: { stripe_customer_id: customer.id, value: "1500" },
    });
    const minute = (at) => at - (at % 60);
    const { data: [summary] } = await stripe.billing.meters.listEventSummaries(meter.id, {
      customer: customer.id,
      start_time: minute(item.current_period_start),
      end_time: minute(item.current_period_end),
    });
    assert.equal(summary.aggregated_value, 1500);
    const preview = await stripe.invoices.createPreview({ subscription: subscription.id });
    assert.equal(preview.total, 904);
    await control("POST", "clock", { to: item.current_period_end });
    const { data: [draft] } = await stripe.invoices.list({ subscription: subscription.id, status: "draft" });
    assert.equal(draft.parent.subscription_details.subscription, subscription.id);
    const paid = await stripe.invoices.finalizeInvoice(draft.id, { auto_advance: true, expand: ["payments"] });
    assert.deepEqual([paid.status, paid.total], ["paid", 904]);
    const intent = paid.payments.data[0].payment.payment_intent;
    await stripe.refunds.create({ payment_intent: intent, amount: 300 });
    const charge = (await stripe.paymentIntents.retrieve(intent, { expand: ["latest_charge"] })).latest_charge;
    assert.equal(charge.amount_refunded, 300);
  });
});

test("lists are paged to their end by the client", async () => {
  await withStandIn(async ({ stripe }) => {
    for (let count = 0; count < 5; count++) await stripe.customers.create({ name: `${count}` });
    const names = [];
    for await (const { name } of stripe.customers.list({ limit: 2 })) names.push(name);
    assert.deepEqual(names, ["4", "3", "2", "1", "0"]);
  });
});

test("errors are of the client's own classes", async () => {
  await withStandIn(async ({ stripe, control }) => {
    const key = { idempotencyKey: "once" };
    const first = await stripe.customers.create({ name: "Ada" }, key);
    assert.equal((await stripe.customers.create({ name: "Ada" }, key)).id, first.id);
    const of = (promise) => promise.then(() => undefined, (error) => error.constructor.name);
    assert.equal(await of(stripe.customers.create({ name: "Bob" }, key)), "StripeIdempotencyError");
    assert.equal(await of(stripe.customers.retrieve("cus_none")), "StripeInvalidRequestError");
    await control("POST", "faults", { kind: { status: { status: 429 } } });
    assert.equal(await of(stripe.customers.create({})), "StripeRateLimitError");
    await control("POST", "faults", { kind: "error_after_commit" });
    assert.equal(await of(stripe.customers.create({})), "StripeAPIError");
    // The client tries once more when a connection ends, whatever its settings.
    await control("POST", "faults", { kind: { hang_up: { committed: true } }, times: 2 });
    assert.equal(await of(stripe.customers.create({})), "StripeConnectionError");
    assert.equal((await control("GET", "books")).customers.length, 3, "the last two were made all the same");
    const typo = control("POST", "faults", { kind: "kept_eror" });
    await assert.rejects(typo, /unknown variant/, "a typo is no silent success");
  });
});

test("webhooks are verified by the client with either secret", async () => {
  await withStandIn(async (standIn) => {
    const { stripe, control, arrived } = standIn;
    await subscribed(standIn);
    await control("GET", "webhooks?idle=true");
    assert.ok(arrived.length > 10);
    for (const { signature, body } of arrived) {
      for (const secret of WEBHOOK_SECRETS) {
        assert.equal(stripe.webhooks.constructEvent(body, signature, secret).object, "event");
      }
    }
    const { signature, body } = arrived[0];
    assert.throws(() => stripe.webhooks.constructEvent(body, signature, "whsec_nobody"), /signature/);
    const listed = await stripe.events.list({ types: ["customer.subscription.*"], limit: 1 });
    assert.equal(listed.data[0].type, "customer.subscription.updated");
  });
});

test("thin events are parsed and fetched by the client", async () => {
  await withStandIn(async (standIn) => {
    const { stripe, control, arrived } = standIn;
    const { customer } = await subscribed(standIn);
    const payload = { stripe_customer_id: customer.id, value: "5" };
    await stripe.billing.meterEvents.create({ event_name: "tokens", identifier: "report-1", payload });
    await control("POST", "meter_events/reject", { identifier: "report-1" });
    await control("GET", "webhooks?idle=true");
    const { signature, body } = arrived.find(({ body }) => JSON.parse(body).object === "v2.core.event");
    const thin = stripe.parseEventNotification(body, signature, WEBHOOK_SECRETS[0]);
    assert.equal(thin.type, "v1.billing.meter.error_report_triggered");
    const { data } = await thin.fetchEvent();
    assert.equal(data.reason.error_types[0].sample_errors[0].request.identifier, "report-1");
  });
});

test("a person can pay on the hosted page", async () => {
  await withStandIn(async ({ stripe }) => {
    const { base } = await catalogue(stripe);
    const session = await stripe.checkout.sessions.create({
      mode: "subscription",
      success_url: "https://app.example/done?session={CHECKOUT_SESSION_ID}",
      line_items: [{ price: base.id, quantity: 1 }],
    });
    assert.match(await (await fetch(session.url)).text(), /Due today: 9\.00 USD/);
    const paid = await fetch(`${session.url}?with=pays`, { method: "POST", redirect: "manual" });
    assert.equal(paid.status, 303);
    assert.equal(paid.headers.get("location"), `https://app.example/done?session=${session.id}`);
    assert.equal((await stripe.checkout.sessions.retrieve(session.id)).payment_status, "paid");
  });
});
