// Supabase serves edge functions beside its API; locally Deno does, on a port of its own.

const HOP_BY_HOP = ["connection", "content-length", "host", "keep-alive", "transfer-encoding"];

/** Forwards `/functions/v1/<name>` to `functionsUrl/<name>`. 502 when no function listens there. */
export async function forwardToFunction(request, functionsUrl) {
  const url = new URL(request.url);
  const headers = new Headers(request.headers);
  for (const name of HOP_BY_HOP) headers.delete(name);
  try {
    const response = await fetch(functionsUrl + url.pathname.slice("/functions/v1".length) + url.search, {
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
