// What a person does beside the front end: waits, presses the buttons of hosted pages, reads their mail.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";

import { found } from "./customer.mjs";

const { OCTROI_MAIL_DIRECTORY } = process.env;
const MAX_WAIT_MS = 20_000;

/** Where checkouts lead back to. */
export const PAGES = { success_url: "http://localhost:3000/paid", cancel_url: "http://localhost:3000/" };

/** Asks until `look` finds something. */
export async function eventually(what, look) {
  const deadline = Date.now() + MAX_WAIT_MS;
  while (Date.now() < deadline) {
    const seen = await look();
    if (seen) return seen;
  }
  throw new Error(`not within ${MAX_WAIT_MS} ms: ${what}`);
}

/** What became of a request to Stripe. */
export async function outcome(supabase, name, args) {
  const id = await found(supabase.rpc(name, args));
  return eventually(`an answer to ${name}`, async () => {
    const [request] = await found(supabase.rpc("billing_request", { id }));
    return request.state !== "pending" && request;
  });
}

/** Presses the button of a hosted page that is labelled so, and returns where that leads. */
export async function press(url, label) {
  const html = await (await fetch(url)).text();
  const form = html.match(new RegExp(`action="([^"]+)"><button>${label}`));
  assert.ok(form, `${url} has no button "${label}": ${html}`);
  const answer = await fetch(new URL(form[1].replaceAll("&amp;", "&"), url), { method: "POST", redirect: "manual" });
  return { status: answer.status, location: answer.headers.get("location") };
}

/** The mails to a user, as they were sent. */
export async function mailsTo(email) {
  const files = (await readdir(OCTROI_MAIL_DIRECTORY)).filter((name) => name.endsWith(".eml"));
  const mails = await Promise.all(files.map((name) => readFile(`${OCTROI_MAIL_DIRECTORY}/${name}`, "utf8")));
  return mails.filter((mail) => mail.includes(email));
}

/** The token of an invitation to `email`, from the link in its mail, other than those of `earlier` ones. */
export async function invitationTo(email, ...earlier) {
  return eventually(`an invitation to ${email}`, async () => {
    const mails = await mailsTo(email);
    // Quoted-printable breaks long lines.
    const links = mails.map((mail) => mail.replace(/=\r?\n/g, "").match(/#invitation=(?:3D)?([0-9a-f]{64})/)?.[1]);
    return links.find((token) => token && !earlier.includes(token));
  });
}
