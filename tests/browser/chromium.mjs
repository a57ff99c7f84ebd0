// Debian's Chromium, which asks nobody on the internet for anything.
import { chromium } from "playwright-core";

const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A browser with one page; `complaints` collects what goes wrong in it unasked: script errors, and calls that it forbids. */
export async function openBrowser() {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ARGUMENTS });
  const context = await browser.newContext({ locale: "en-US" });
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (/CORS policy|Content Security Policy/.test(message.text())) complaints.push(message.text());
  });
  return { browser, context, page, complaints };
}
