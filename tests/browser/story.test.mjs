// A customer of a product on Octroi, in a real browser: from its public prices to the account's end. The page is
// examples/web; Stripe and OpenAI are stand-ins, everything else is what a customer would meet.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Secret, TOTP } from "otpauth";

import { openBrowser } from "./chromium.mjs";
import { column, psql } from "../clients/js/psql.mjs";

const { OCTROI_EXAMPLE_URL, OCTROI_URL } = process.env;
const EMAIL = `${crypto.randomUUID()}@example.test`;
const PASSWORD = "a password that is long enough";
const MAX_WAIT_MS = 20_000;

const asked = [];
let browser, page, complaints, secret;

before(async () => {
  ({ browser, page, complaints } = await openBrowser());
  page.setDefaultTimeout(MAX_WAIT_MS);
  page.on("dialog", (dialog) => {
    asked.push(dialog.message());
    return dialog.accept();
  });
});
after(() => browser?.close());
afterEach(() => assert.deepEqual(complaints, [], "the browser forbade nothing and no script broke"));

const button = (name) => page.getByRole("button", { name, exact: true });
const card = (plan) => page.locator("#plans li", { has: page.getByRole("heading", { name: plan, exact: true }) });
const notice = (words) => page.locator("#notice", { hasText: words }).waitFor();
const tokensLeft = () => page.locator("#tokens-month").innerText();
const code = () => new TOTP({ secret: Secret.fromBase32(secret) }).generate();

/** Asks in the chat, and waits until the answer is whole, or refused. */
async function ask(question) {
  await page.getByLabel("Question").fill(question);
  await button("Send").click();
  await page.locator("#stop[disabled]").waitFor();
}

async function signIn(how) {
  await page.getByLabel("E-mail").fill(EMAIL);
  await page.getByLabel("Password").fill(PASSWORD);
  await button(how).click();
  await page.getByText(EMAIL).waitFor();
}

/** Types the app's code into the dialog that asks for it. */
async function showCode() {
  await page.getByLabel("Code").fill(code());
  await button("Continue").click();
}

test("a visitor sees what is on sale", async () => {
  await page.goto(OCTROI_EXAMPLE_URL);

  await card("Premium").waitFor();
  assert.match(await card("Basic").innerText(), /\$9\.00 a month\s+100,000 tokens a month/);
  assert.equal(await page.locator(".mine:visible").count(), 0);
});

test("signing up gives the free plan", async () => {
  await signIn("Create an account");

  await card("Free").getByText("Your plan").waitFor();
  assert.match(await tokensLeft(), /^10,000 tokens left of 10,000 tokens a month, full again on /);
});

test("a plan that is paid for on Stripe's page is theirs when they are back", async () => {
  await button("Choose Basic").click();
  await button("Pay with a test card").click();

  await notice("You are on the plan Basic.");
  assert.equal(new URL(page.url()).origin, new URL(OCTROI_EXAMPLE_URL).origin);
  await card("Basic").getByText("Your plan").waitFor();
  assert.match(await tokensLeft(), /^100,000 tokens left of 100,000 /);
});

test("a question is answered word by word, with nothing but the user's own session", async () => {
  await page.evaluate(() => {
    globalThis.lengths = new Set();
    const chat = document.querySelector("#chat ol");
    new MutationObserver(() => globalThis.lengths.add(chat.textContent.length))
      .observe(chat, { childList: true, subtree: true, characterData: true });
  });
  const [request] = await Promise.all([
    page.waitForRequest((sent) => sent.url() === `${OCTROI_URL}/v1/chat/completions` && sent.method() === "POST"),
    ask("What is an octroi? [[output_tokens=40]]"),
  ]);

  const headers = await request.allHeaders();
  assert.match(headers.authorization, /^Bearer eyJ/, "an access token and no key");
  assert.ok(headers["x-stainless-lang"], "sent by OpenAI's own SDK");
  assert.ok(await page.evaluate(() => globalThis.lengths.size) > 10, "it grew before their eyes");
  const charged = await column(`
    select e.total_tokens from octroi_private.usage_event as e join auth.users as u on u.id = e.user_id where u.email = '${EMAIL}'`);
  assert.equal(charged.length, 1);
  const left = (100_000 - Number(charged[0])).toLocaleString("en-US");
  await page.getByText(`${left} tokens left of 100,000`).waitFor();
  const id = await page.locator(".answer").last().getAttribute("id");
  assert.match(id, /^[0-9a-f-]{36}$/, "the page read a header of ours");
});

test("who has used up the plan is told so, and where there is more", async () => {
  await psql(`
    select u.outcome from auth.users as p
    join octroi_private.account as a on a.owner_user_id = p.id
    join octroi_private.balance as b on b.account_id = a.id and b.scope = 'account' and b.meter = 'tokens'
    cross join lateral octroi_private.record_usage(a.id, p.id, 'gpt-5.4-mini', b.granted - b.used, 0) as u
    where p.email = '${EMAIL}' and b.is_bound`);

  await ask("And what is a toll?");
  await page.locator("#notice.error").waitFor();

  const told = await page.locator("#notice").innerText();
  assert.match(told, /limit of 100000 tokens a month/);
  assert.ok(told.includes(`${OCTROI_EXAMPLE_URL}/#plans`), told);
  await page.getByText("0 tokens left of 100,000").waitFor();
});

test("a second factor is set up with an authenticator app", async () => {
  await button("Set one up").click();
  const picture = page.getByAltText("The secret, for an authenticator app");
  await picture.waitFor();
  assert.ok(await picture.evaluate((image) => image.complete && image.naturalWidth > 0), "there is something to scan");
  secret = await page.locator("dialog output").innerText();
  await showCode();

  await notice("Your second factor is in use.");
});

test("whoever is in with the password alone is asked for it when money is spent", async () => {
  await button("Sign out").click();
  await signIn("Sign in");

  await button("Choose Premium").click();
  await page.getByText("This needs your second factor.").waitFor();
  await showCode();

  await notice("You are on the plan Premium.");
  assert.match(asked.at(-1), /^Premium: \$\d+\.\d\d now, and \$49\.00 on /);
});

test("leaving deletes the account, and the browser knows nobody any more", async () => {
  await button("Delete my account").click();

  await notice("Your account is deleted.");
  await page.reload();
  await button("Create an account").waitFor();
  assert.deepEqual(await column(`select id from auth.users where email = '${EMAIL}'`), []);
  assert.deepEqual(await column("select i from octroi_private.integrity as i"), []);
});
