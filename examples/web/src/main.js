// What is shown, and what each button does.
import { auth, bill, chat, enrol, factor, found, openai, preview, rpc, showCode, supabase } from "./octroi.js";
const MODEL = "gpt-5.4-mini";
const PAYMENT_MS = 30_000;
const messages = [];
let underWay;

const at = (selector) => document.querySelector(selector);
const element = (tag, more) => Object.assign(document.createElement(tag), more);
const say = (text, className = "") => Object.assign(at("#notice"), { textContent: text, hidden: !text, className });

/** Runs what a button does; whatever goes wrong is told as Octroi words it. */
const doing = (work) => async (event) => {
  event?.preventDefault?.();
  say("");
  try {
    await work(event);
  } catch (error) {
    if (error.name !== "AbortError" && error.name !== "APIUserAbortError") say(error.message, "error");
  }
};

// a cost is in nano-USD, a price in the currency's smallest unit
const format = (currency) => new Intl.NumberFormat("en", { style: "currency", currency });
const money = (sum, currency) => format(currency).format(sum);
const price = (minor, currency) => money(minor / 10 ** format(currency).resolvedOptions().maximumFractionDigits, currency);
const count = (meter, of) => meter === "cost" ? money(of / 1e9, "usd") : `${of.toLocaleString("en")} ${meter}`;
const limit = ({ amount, meter, period }) => `${count(meter, amount)} ${period === "lifetime" ? "in all" : `a ${period}`}`;

/** Asks for the code of an authenticator app, and shows a new secret to it first if there is one. */
async function askCode(words, totp) {
  const dialog = at("#code");
  at("#code form").reset();
  at("#code p").textContent = words;
  at("#code output").textContent = totp?.secret ?? "";
  Object.assign(at("#code img"), { hidden: !totp, src: totp?.qr_code ?? "" });
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "show") throw new DOMException("", "AbortError");
  return at("#code input").value;
}

const stepUp = async () => showCode((await factor()).id, await askCode("This needs your second factor."));

/** Who pays nothing yet goes to Stripe's page; who has a subscription changes it, once they have seen what that costs. */
async function choose({ plan, name }, mine) {
  const page = location.origin + location.pathname;
  const asked = { plan, billing_interval: "month" };
  if (!mine.status) {
    const pages = { success_url: `${page}?paid=${plan}`, cancel_url: page };
    return location.assign((await bill("start_checkout", { ...asked, ...pages }, stepUp)).url);
  }
  const { id, due_minor, renewal_minor, renews_at, currency } = await preview(asked, stepUp);
  const later = `${price(renewal_minor, currency)} on ${new Date(renews_at).toLocaleDateString()}`;
  if (!confirm(`${name}: ${price(due_minor, currency)} now, and ${later}. Change to it?`)) return;
  await bill("change_plan", { ...asked, preview: id }, stepUp);
  await arrive(plan);
}

/** Waits until what was paid for is there: Stripe tells it to the server, not to this page. */
async function arrive(plan) {
  await show("Waiting for the payment to arrive…");
  for (const end = Date.now() + PAYMENT_MS; Date.now() < end;) {
    const [mine] = await rpc("my_subscription");
    if (mine?.plan === plan) return show(`You are on the plan ${mine.plan_name}.`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  say("The payment has not arrived yet. Reload this page in a while.");
}

async function showQuota() {
  const limits = await rpc("my_quota");
  at("#quota ul").replaceChildren(...limits.map(({ meter, period, used, granted, remaining, resets_at }) => {
    const resets = resets_at ? `, full again on ${new Date(resets_at).toLocaleString()}` : "";
    const words = `${count(meter, remaining)} left of ${limit({ amount: granted, meter, period })}${resets}`;
    const row = element("li", { textContent: words, id: `${meter}-${period}` });
    row.append(element("progress", { max: granted, value: used }));
    return row;
  }));
}

async function showPlans(mine) {
  const plans = await found(() => supabase.from("plans").select().order("rank"));
  at("#plans ul").replaceChildren(...plans.map((plan) => {
    const { name, month_price_minor: minor, currency, limits } = plan;
    const says = [minor ? `${price(minor, currency)} a month` : "Nothing to pay", ...limits.map(limit)];
    const card = element("li");
    card.append(element("h3", { textContent: name }), ...says.map((textContent) => element("p", { textContent })));
    const choosing = { textContent: `Choose ${name}`, onclick: doing(() => choose(plan, mine)) };
    if (mine?.plan === plan.plan) card.append(element("strong", { textContent: "Your plan" }));
    else if (mine && minor) card.append(element("button", choosing));
    return card;
  }));
}

/** Everything, for whoever is signed in, or for a visitor; and what has just happened. */
async function show(news = "") {
  const { data: { session } } = await auth.getSession();
  say(news);
  for (const section of document.querySelectorAll(".mine, #who")) section.hidden = !session;
  at("#sign-in").hidden = Boolean(session);
  if (!session) return (messages.splice(0), at("#chat ol").replaceChildren(), showPlans());
  at("#who span").textContent = session.user.email;
  const known = await factor();
  at("#enrol").hidden = Boolean(known);
  at("#enrolled").hidden = !known;
  const { data: models } = await (await openai()).models.list();
  const chatty = models.filter(({ id }) => !id.includes("embedding"));
  at("#chat select").replaceChildren(...chatty.map(({ id }) => element("option", { textContent: id, selected: id === MODEL })));
  const [mine] = await rpc("my_subscription");
  await Promise.all([showQuota(), showPlans(mine)]);
}

at("#sign-in").onsubmit = doing(async (event) => {
  await found(() => auth[event.submitter.value](Object.fromEntries(new FormData(event.target))));
  await show();
});

at("#chat form").onsubmit = doing(async (event) => {
  const { model, question } = Object.fromEntries(new FormData(event.target));
  const answer = element("li", { className: "answer" });
  at("#chat ol").append(element("li", { textContent: question }), answer);
  messages.push({ role: "user", content: question });
  event.target.question.value = "";
  underWay = new AbortController();
  at("#stop").disabled = false;
  event.submitter.disabled = true;
  try {
    answer.id = await chat({ model, messages }, underWay.signal, (piece) => answer.append(piece));
    messages.push({ role: "assistant", content: answer.textContent });
  } catch (error) {
    messages.pop();
    answer.remove();
    throw error;
  } finally {
    at("#stop").disabled = true;
    event.submitter.disabled = false;
    await showQuota();
  }
});
at("#stop").onclick = () => underWay?.abort();

at("#enrol").onclick = doing(async () => {
  const { id, totp } = await enrol();
  await showCode(id, await askCode("Scan this, or type the secret in, and then the code it shows.", totp));
  await show("Your second factor is in use.");
});

at("#delete").onclick = doing(async () => {
  if (!confirm("Delete your account and all that is known of you?")) return;
  await rpc("delete_my_account", {}, stepUp);
  await auth.signOut({ scope: "local" });
  await show("Your account is deleted.");
});
at("#sign-out").onclick = doing(async () => (await auth.signOut(), show()));

const paid = new URLSearchParams(location.search).get("paid");
history.replaceState(null, "", location.pathname + location.hash);
await doing(() => paid ? arrive(paid) : show())();
