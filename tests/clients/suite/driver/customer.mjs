// A customer for each client: their keys, and the data that the client is given.
import { randomUUID } from "node:crypto";

import { apiKey, signUp } from "../../js/customer.mjs";
import { column } from "../../js/psql.mjs";

const { OCTROI_EXAMPLE_URL, OCTROI_URL } = process.env;

/** A model that thinks unless it is told otherwise, and that the plan has. */
const MODEL = "gpt-5.6-luna";
const EMBEDDING_MODEL = "text-embedding-3-small";
/** No call is as small as this. */
const SMALL_LIMIT_TOKENS = 5;
/** One pixel. */
const IMAGE =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** Signs a customer up: `{ accountId, toolResult, settings }`, the last as the client's environment. */
export async function newCustomer() {
  const { supabase, token, userId } = await signUp();
  const [accountId] = await column(
    `select id from octroi_private.account where owner_user_id = '${userId}' and kind = 'personal'`,
  );
  await column(`select octroi_private.assign_plan('${accountId}', 'premium')`);
  const toolResult = `21 degrees at station ${randomUUID()}`;
  const small = [{ meter: "tokens", period: "month", amount: SMALL_LIMIT_TOKENS }];
  const settings = {
    SUITE_BASE_URL: `${OCTROI_URL}/v1`,
    SUITE_KEY: await apiKey(supabase),
    SUITE_SMALL_KEY: await apiKey(supabase, small),
    SUITE_TOKEN: token,
    SUITE_SITE: OCTROI_EXAMPLE_URL,
    SUITE_MODEL: MODEL,
    SUITE_EMBEDDING_MODEL: EMBEDDING_MODEL,
    SUITE_IMAGE: IMAGE,
    SUITE_TOOL_RESULT: toolResult,
  };
  return { accountId, toolResult, settings };
}
