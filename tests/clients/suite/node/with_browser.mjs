// Runs a program of the suite in Chromium, with its user's access token: with_browser.mjs PROGRAM. The page belongs to a site
// whose pages the gateway takes calls from. What it is made of comes from here; what it calls is the gateway itself.
import { readFile } from "node:fs/promises";

import { openBrowser } from "./chromium.mjs";
import { env, tell, versionOf } from "./surroundings.mjs";

const [program] = process.argv.slice(2);
const PROGRAMS = new URL(".", import.meta.url).pathname;
/** What a bundler would resolve as the packages say for browsers. */
const IMPORTS = {
  "openai": "/node_modules/openai/index.mjs",
  "openai/helpers/zod": "/node_modules/openai/helpers/zod.mjs",
  "#x509-transport-state": "/node_modules/openai/internal/auth/x509-transport-state.mjs",
  "zod": "/node_modules/zod/index.js",
  "zod/v3": "/node_modules/zod/v3/index.js",
  "zod/v4": "/node_modules/zod/v4/index.js",
};
const PAGE = `<!doctype html><title>suite</title><script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>`;

/** The file that stands at a path of the page's site. */
function fileOf(path) {
  if (path.startsWith("/node_modules/")) return env.SUITE_PACKAGES + path.slice("/node_modules".length);
  if (path === "/suite/surroundings.mjs") return `${PROGRAMS}../browser/surroundings.mjs`;
  return PROGRAMS + path.slice("/suite/".length);
}

async function serve(route) {
  const { pathname } = new URL(route.request().url());
  if (pathname === "/suite/") return route.fulfill({ contentType: "text/html", body: PAGE });
  if (!/^\/(suite|node_modules)\//.test(pathname)) return route.fulfill({ status: 404 });
  return route.fulfill({ contentType: "text/javascript", body: await readFile(fileOf(pathname), "utf8") });
}

const { browser, context, page, complaints } = await openBrowser();
try {
  const told = Object.entries(env).filter(([name]) => name.startsWith("SUITE_"));
  const versions = { openai: versionOf("openai") };
  const surroundings = { ...Object.fromEntries(told), SUITE_KEY: env.SUITE_TOKEN, versions };
  // A page that comes from no address at all is a stranger to this machine, where the example's own page is not.
  await context.grantPermissions(["local-network-access"], { origin: env.SUITE_SITE });
  await page.exposeFunction("suiteTell", tell);
  await page.addInitScript(`globalThis.SUITE = ${JSON.stringify(surroundings)}`);
  await page.route(`${env.SUITE_SITE}/**`, serve);
  await page.goto(`${env.SUITE_SITE}/suite/`);
  await page.evaluate((program) => import(program), `/suite/${program}`);
} finally {
  for (const complaint of complaints) console.error(complaint);
  await browser.close();
}
