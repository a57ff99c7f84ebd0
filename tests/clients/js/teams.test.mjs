// A team from its making to its handing over, as a front end does it with supabase-js, its people with their mail, and
// their programs with OpenAI's client.
import assert from "node:assert/strict";
import { before, test } from "node:test";

import OpenAI from "openai";

import { actingFor, apiKey, found, openai, signUp, standing } from "./customer.mjs";
import { eventually, invitationTo, outcome, PAGES, press } from "./visitor.mjs";

const { OCTROI_URL } = process.env;
const JOIN = "http://localhost:3000/join";
const QUESTION = { model: "gpt-5.4-mini", max_tokens: 20, messages: [{ role: "user", content: "Hi" }] };

let ada, bob, team, adas, bobs, firstToken;

/** OpenAI's client with an access token, for an account, as its users name an organization. */
const forAccount = (token, organization) =>
  new OpenAI({ baseURL: `${OCTROI_URL}/v1`, apiKey: token, organization, maxRetries: 0 });

async function refusal(call) {
  return call.then(() => assert.fail("the call was answered"), (error) => error);
}

async function emailOf(supabase) {
  const { data } = await supabase.auth.getUser();
  return data.user.email;
}

before(async () => {
  ada = await signUp();
  bob = await signUp();
});

test("a team is made, on the default plan, and calls at once", async () => {
  team = await found(ada.supabase.rpc("create_team", { name: "Ada & Bob" }));
  adas = actingFor(ada.supabase, team);

  const answer = await forAccount(ada.token, team).chat.completions.create(QUESTION);

  const [subscription] = await found(adas.rpc("my_subscription"));
  assert.equal(subscription.plan, "free");
  assert.equal((await standing(adas)).used, answer.usage.total_tokens);
  assert.equal((await standing(ada.supabase)).used, 0, "her own account paid nothing");
});

test("views and RPCs answer for the account that is named", async () => {
  const [quota] = await found(adas.from("quota").select("used, granted"));
  const [own] = await found(ada.supabase.from("quota").select("used, granted"));

  assert.ok(quota.used > 0);
  assert.equal(own.used, 0);
  const accounts = await found(adas.rpc("my_accounts"));
  assert.deepEqual(accounts.map((account) => [account.kind, account.is_acting]), [["personal", false], ["team", true]]);
});

test("whoever is not a member acts for it nowhere", async () => {
  const { error } = await actingFor(bob.supabase, team).rpc("my_quota");
  assert.match(error.message, /none of yours/);

  const refused = await refusal(forAccount(bob.token, team).chat.completions.create(QUESTION));
  assert.deepEqual([refused.status, refused.code], [403, "not_a_member"]);
});

test("an invited address joins by the link in its mail, once", async () => {
  const email = await emailOf(bob.supabase);
  await found(adas.rpc("invite_member", { email, accept_url: JOIN }));
  const token = await invitationTo(email);
  firstToken = token;
  const eve = await signUp();
  const stolen = await eve.supabase.rpc("accept_invitation", { token });
  assert.match(stolen.error.message, /another address/);

  assert.equal(await found(bob.supabase.rpc("accept_invitation", { token })), team);

  const again = await bob.supabase.rpc("accept_invitation", { token });
  assert.match(again.error.message, /was used/);
  const members = await found(adas.rpc("team_members"));
  assert.deepEqual(members.map((member) => [member.role, member.email]), [
    ["owner", await emailOf(ada.supabase)],
    ["member", email],
  ]);
  const [invitation] = await found(adas.rpc("team_invitations"));
  assert.deepEqual([invitation.state, invitation.email], ["accepted", null]);
});

test("a member's calls are paid for by the team, which sees them", async () => {
  bobs = actingFor(bob.supabase, team);
  const before = await standing(adas);

  const answer = await forAccount(bob.token, team).chat.completions.create(QUESTION);

  assert.equal((await standing(adas)).used, before.used + answer.usage.total_tokens);
  const rows = await found(ada.supabase.from("usage").select("user_id, total_tokens").eq("account_id", team));
  assert.ok(rows.some((row) => row.user_id === bob.userId && row.total_tokens === answer.usage.total_tokens));
  const his = await found(bob.supabase.from("usage").select("user_id").eq("account_id", team));
  assert.deepEqual(his.map((row) => row.user_id), [bob.userId], "and he sees his own");
});

test("a member's budget binds that member, at the gateway", async () => {
  const { used } = await standing(bobs);
  await found(adas.rpc("set_member_budget", { member_id: bob.userId, meter: "requests", period: "day", amount: 1 }));

  const refused = await refusal(forAccount(bob.token, team).chat.completions.create(QUESTION));
  await forAccount(ada.token, team).chat.completions.create(QUESTION);

  assert.deepEqual([refused.status, refused.code], [429, "member_budget_reached"]);
  assert.ok((await standing(bobs)).used > used);
  assert.equal(await found(adas.rpc("set_member_budget", {
    member_id: bob.userId, meter: "requests", period: "day", amount: null,
  })), true);
  await forAccount(bob.token, team).chat.completions.create(QUESTION);
});

test("what a member may not do is refused to them", async () => {
  for (const [rpc, args] of [
    ["remove_member", { member_id: ada.userId }],
    ["set_member_role", { member_id: bob.userId, role: "admin" }],
    ["transfer_team", { member_id: bob.userId }],
    ["invite_member", { email: "x@example.test", accept_url: JOIN }],
    ["set_budget", { meter: "tokens", period: "day", amount: 1 }],
    ["close_team", {}],
    ["start_checkout", { plan: "basic", billing_interval: "month", ...PAGES }],
  ]) {
    const { error } = await bobs.rpc(rpc, args);
    assert.ok(error, rpc);
  }
});

test("the team buys a plan of its own, with its seats", async () => {
  const checkout = await outcome(adas, "start_checkout", { plan: "basic", billing_interval: "month", ...PAGES });
  assert.equal(checkout.state, "done", checkout.message);

  await press(checkout.url, "Pay with a test card");

  const paid = await eventually("the plan", async () => {
    const [subscription] = await found(adas.rpc("my_subscription"));
    return subscription.plan === "basic" && subscription;
  });
  assert.equal(paid.seats, 5);
  const [own] = await found(ada.supabase.rpc("my_subscription"));
  assert.equal(own.plan, "free");
  await eventually("the quota", async () => (await standing(bobs)).granted === 100_000);
});

test("who is removed is out at once, with their key, and what they used stays", async () => {
  const secret = await apiKey(bobs);
  await openai(secret).chat.completions.create(QUESTION);
  const { used } = await standing(adas);

  assert.equal(await found(adas.rpc("remove_member", { member_id: bob.userId })), true);

  const byKey = await refusal(openai(secret).chat.completions.create(QUESTION));
  const byToken = await refusal(forAccount(bob.token, team).chat.completions.create(QUESTION));
  // The gateway knows a key for a second, and asks who its holder is at every call.
  assert.ok([401, 403].includes(byKey.status), byKey.message);
  assert.deepEqual([byToken.status, byToken.code], [403, "not_a_member"]);
  assert.equal((await standing(adas)).used, used);
});

test("the team is handed over, and its former owner may leave", async () => {
  const email = await emailOf(bob.supabase);
  await found(adas.rpc("invite_member", { email, accept_url: JOIN, role: "admin" }));
  await found(bob.supabase.rpc("accept_invitation", { token: await invitationTo(email, firstToken) }));

  assert.equal(await found(adas.rpc("transfer_team", { member_id: bob.userId })), true);

  const members = await found(bobs.rpc("team_members"));
  assert.deepEqual(members.map((member) => [member.member_id, member.role]), [[bob.userId, "owner"], [ada.userId, "admin"]]);
  assert.equal(await found(adas.rpc("leave_team")), true);
  const { error } = await adas.rpc("my_quota");
  assert.ok(error);
  const audit = await found(bob.supabase.rpc("my_audit"));
  assert.ok(audit.some((entry) => entry.action === "account.update" && entry.detail.account_id === team));
});

test("the team is closed when nothing takes money for it any more, and what it used stays", async () => {
  const secret = await apiKey(bobs);
  await openai(secret).chat.completions.create(QUESTION);
  const refused = await bobs.rpc("close_team");
  assert.match(refused.error.message, /has a subscription/);
  const cancelled = await outcome(bobs, "cancel_subscription", { at_period_end: false });
  assert.equal(cancelled.state, "done", cancelled.message);
  await eventually("the end of the subscription", async () => (await bobs.rpc("close_team")).data === true);

  const byKey = await refusal(openai(secret).chat.completions.create(QUESTION));
  const byToken = await refusal(forAccount(bob.token, team).chat.completions.create(QUESTION));

  assert.ok([401, 403].includes(byKey.status), byKey.message);
  assert.equal(byToken.status, 403);
  const accounts = await found(bob.supabase.rpc("my_accounts"));
  assert.equal(accounts.find((account) => account.id === team).status, "closed");
  const used = await found(bob.supabase.from("usage").select("id").eq("account_id", team));
  assert.ok(used.length > 0, "its owner still reads what it used");
});
