// A front end in TypeScript, compiled and never run: the types fit supabase-js, and a wrong name does not compile.
import { createClient } from "@supabase/supabase-js";
import type { Database } from "../../supabase/types/octroi.ts";

const supabase = createClient<Database, "octroi">("https://project.supabase.co", "sb_publishable_…", {
  db: { schema: "octroi" },
});

export async function leftOfTokens(): Promise<number> {
  const { data } = await supabase.rpc("my_quota").throwOnError();
  const tokens = data.filter((limit) => limit.scope === "account" && limit.meter === "tokens");
  return Math.min(...tokens.map((limit) => limit.remaining));
}

export async function checkout(plan: string): Promise<string> {
  const { data: id } = await supabase.rpc("start_checkout", {
    plan,
    billing_interval: "month",
    success_url: "https://app.example/paid",
    cancel_url: "https://app.example/plans",
  }).throwOnError();
  return id;
}

export async function prices(): Promise<(number | null)[]> {
  const { data } = await supabase.from("plans").select("plan, month_price_minor").throwOnError();
  return data.map((plan) => plan.month_price_minor);
}

export async function mistakes(): Promise<void> {
  // @ts-expect-error there is no such function
  await supabase.rpc("my_quotas");
  // @ts-expect-error a plan is needed
  await supabase.rpc("start_checkout", { billing_interval: "month" });
  const { data } = await supabase.from("plans").select("plan").throwOnError();
  // @ts-expect-error that was not asked for
  data.map((plan) => plan.month_price_minor);
}
