// From a free account to a paying one and back, as a front end does it with supabase-js and a person with a browser. In
// between stand the worker, Stripe's stand-in, and the edge function that takes its signed webhooks.
import assert from "node:assert/strict";
import { before, test } from "node:test";

import { apiKey, found, openai, signUp, standing } from "./customer.mjs";
import { eventually, mailsTo, outcome, PAGES, press } from "./visitor.mjs";

async function subscription(supabase) {
  const [mine] = await found(supabase.rpc("my_subscription"));
  return mine;
}

const onPlan = (supabase, plan) =>
  eventually(`plan ${plan}`, async () => {
    const mine = await subscription(supabase);
    return mine.plan === plan && mine;
  });

let supabase;
before(async () => {
  ({ supabase } = await signUp());
});

test("a checkout that was not paid gives nothing", async () => {
  const checkout = await outcome(supabase, "start_checkout", { plan: "basic", billing_interval: "month", ...PAGES });
  assert.equal(checkout.state, "done", checkout.message);

  const declined = await press(checkout.url, "Try a card");

  assert.equal(declined.status, 402);
  assert.equal((await subscription(supabase)).plan, "free");
  assert.equal((await standing(supabase)).granted, 10_000);
});

test("a paid checkout gives the plan, and its quota", async () => {
  const checkout = await outcome(supabase, "start_checkout", { plan: "basic", billing_interval: "month", ...PAGES });

  const paid = await press(checkout.url, "Pay with a test card");

  assert.equal(paid.location, PAGES.success_url);
  const mine = await onPlan(supabase, "basic");
  assert.deepEqual([mine.status, mine.billing_interval, mine.cancel_at_period_end], ["active", "month", false]);
  await eventually("the quota that was paid for", async () => (await standing(supabase)).granted === 100_000);
  const [invoice] = await found(supabase.from("invoices").select());
  assert.deepEqual([invoice.status, invoice.total_minor], ["paid", 900]);
  const [renewal] = await found(supabase.rpc("next_invoice"));
  assert.deepEqual([renewal.line, renewal.amount_minor], ["plan", 900]);
});

test("a top-up is granted once it is paid, and its buyer is told", async () => {
  const checkout = await outcome(supabase, "buy_top_up", { pack: "tokens_100k", ...PAGES });

  await press(checkout.url, "Pay with a test card");

  await eventually("what was bought", async () => (await standing(supabase)).granted === 200_000);
  const { data } = await supabase.auth.getUser();
  const [mail] = await eventually("a mail", async () => {
    const mails = await mailsTo(data.user.email);
    return mails.length > 0 && mails;
  });
  assert.match(mail, /100,000/);
});

test("a call draws on what was bought, and says what it cost", async () => {
  const answer = await openai(await apiKey(supabase)).chat.completions.create({
    model: "gpt-5.4-mini",
    messages: [{ role: "user", content: "Hi [[output_tokens=25]]" }],
  });

  const [request] = await found(supabase.rpc("my_requests", { max_rows: 1 }));
  const [receipt] = await found(supabase.rpc("receipt", { request_id: request.id }));

  assert.equal(receipt.total_tokens, answer.usage.total_tokens);
  assert.equal((await standing(supabase)).used, answer.usage.total_tokens);
});

test("an upgrade applies at once and carries usage over", async () => {
  const { used } = await standing(supabase);

  const change = await outcome(supabase, "change_plan", { plan: "premium", billing_interval: "month" });

  assert.equal(change.state, "done", change.message);
  await onPlan(supabase, "premium");
  const limit = await eventually("the larger quota", async () => {
    const now = await standing(supabase);
    return now.granted === 1_100_000 && now;
  });
  assert.equal(limit.used, used);
});

test("a downgrade waits for the period's end", async () => {
  const change = await outcome(supabase, "change_plan", { plan: "basic", billing_interval: "month" });

  assert.equal(change.state, "done", change.message);
  const mine = await eventually("the plan to come", async () => {
    const now = await subscription(supabase);
    return now.next_plan === "basic" && now;
  });
  assert.equal(mine.plan, "premium");
  assert.ok(new Date(mine.next_plan_at) > new Date());
});

test("a cancelled subscription runs to its end, and can be resumed until then", async () => {
  const cancelled = await outcome(supabase, "cancel_subscription", { at_period_end: true });
  assert.equal(cancelled.state, "done", cancelled.message);
  await eventually("an end", async () => (await subscription(supabase)).cancel_at_period_end);
  assert.deepEqual(await found(supabase.rpc("next_invoice")), []);

  const resumed = await outcome(supabase, "resume_subscription");

  assert.equal(resumed.state, "done", resumed.message);
  await eventually("no end", async () => !(await subscription(supabase)).cancel_at_period_end);
  assert.equal((await found(supabase.rpc("next_invoice")))[0].line, "plan");
});

test("who cancels at once is on the free plan at once, and keeps the top-up", async () => {
  await outcome(supabase, "cancel_subscription", { at_period_end: false });

  await onPlan(supabase, "free");

  await eventually("the free quota", async () => (await standing(supabase)).granted === 110_000);
});

test("the portal is a page of the caller's own", async () => {
  const portal = await outcome(supabase, "open_portal", { return_url: "http://localhost:3000/" });

  assert.equal(portal.state, "done", portal.message);
  assert.equal((await fetch(portal.url)).status, 200);
  const stranger = (await signUp()).supabase;
  assert.deepEqual(await found(stranger.from("billing_requests").select()), []);
  assert.deepEqual(await found(stranger.from("invoices").select()), []);
  assert.deepEqual(await found(stranger.from("top_ups").select()), []);
});

test("pages elsewhere are refused", async () => {
  const { error } = await supabase.rpc("start_checkout", {
    plan: "basic",
    billing_interval: "month",
    success_url: "https://elsewhere.example/",
    cancel_url: PAGES.cancel_url,
  });

  assert.match(error.message, /success_url is not on a site/);
});
