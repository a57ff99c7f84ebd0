// Supabase serves edge functions beside its API; locally Deno does, each on a port of its own.

const HOP_BY_HOP = ["connection", "content-length", "host", "keep-alive", "transfer-encoding"];

/** Forwards `/functions/v1/<name>` to the function's own URL. 404 for an unknown one, 502 when it does not listen. */
export async function forwardToFunction(request, functionUrls) {
  const url = new URL(request.url);
  const path = url.pathname.slice("/functions/v1".length);
  const name = path.split("/")[1];
  if (!Object.hasOwn(functionUrls, name)) {
    return Response.json({ message: `There is no edge function ${name}` }, { status: 404 });
  }
  const headers = new Headers(request.headers);
  for (const name of HOP_BY_HOP) headers.delete(name);
  try {
    const response = await fetch(functionUrls[name] + path + url.search, {
      method: request.method,
      headers,
      body: request.body,
      duplex: "half",
      redirect: "manual",
    });
    const answered = new Headers(response.headers);
    // Already decoded by fetch.
    for (const name of ["content-encoding", ...HOP_BY_HOP]) answered.delete(name);
    return new Response(response.body, { status: response.status, headers: answered });
  } catch {
    return Response.json({ message: "The edge function is not running" }, { status: 502 });
  }
}
