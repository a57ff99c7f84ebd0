// The door: POST a completion request, get back where its result will be; GET the result from there.
//
// It verifies the caller, bounds the body and passes on, with the caller's own token, so that the database decides what
// the caller may ask for and see. Whether the request makes sense is decided there too, and by the worker; no rule
// stands here.
import { guarded } from "../_shared/guarded.ts";
import { BadBody, readJsonObject } from "./body.ts";
import { NotAuthenticated, UUID, type VerifyCaller } from "./caller.ts";
import { type Completions, RequestRefused } from "./rpc.ts";

export interface Door {
  verifyCaller: VerifyCaller;
  completions: Completions;
  /** Longest body that is read, in bytes. */
  maxBodyBytes: number;
  /** Where this door is, as clients see it; `/<id>` follows in a completion's `url`. */
  publicUrl: string;
}

// A browser on any site may call: nothing is sent along by itself, the caller shows a token. Every answer may be read whole.
const CORS = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "*",
};
const PREFLIGHT = {
  ...CORS,
  "access-control-allow-methods": "GET, POST, OPTIONS",
  "access-control-max-age": "3600",
  "vary": "access-control-request-headers",
};

/** The handler of the edge function. It never throws. */
export function openDoor(door: Door): (request: Request) => Promise<Response> {
  return guarded(async (request) => {
    if (request.method === "OPTIONS") return preflight(request);
    try {
      const token = bearerToken(request);
      await door.verifyCaller(token);
      const id = new URL(request.url).pathname.split("/")[2];
      if (request.method === "POST" && !id) return await accept(door, request, token);
      if (request.method === "GET" && id) return await hand(door, id, token);
      return refuse(405, "method_not_allowed", `${request.method} is not allowed here`, {
        allow: id ? "GET" : "POST",
      });
    } catch (error) {
      return refusalOf(error);
    }
  });
}

// Which headers come along depends on the version of supabase-js, and none of them opens anything but the token does.
function preflight(request: Request): Response {
  const asked = request.headers.get("access-control-request-headers");
  const headers = asked === null ? PREFLIGHT : { ...PREFLIGHT, "access-control-allow-headers": asked };
  return new Response(null, { status: 204, headers });
}

function bearerToken(request: Request): string {
  const token = /^Bearer ([^\s]+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (!token) throw new NotAuthenticated("An access token is needed as a bearer token");
  return token;
}

async function accept(door: Door, request: Request, token: string): Promise<Response> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers.get("content-type") ?? "")) {
    return refuse(415, "unsupported_media_type", "The content type must be application/json");
  }
  const wanted = await readJsonObject(request, door.maxBodyBytes);
  const id = await door.completions.request(wanted, token, request.headers.get("x-octroi-account"));
  const url = `${door.publicUrl}/${id}`;
  return Response.json({ id, url }, { status: 202, headers: { ...CORS, location: url } });
}

async function hand(door: Door, id: string, token: string): Promise<Response> {
  const completion = UUID.test(id) ? await door.completions.read(id, token) : undefined;
  if (!completion) return refuse(404, "not_found", "There is no such completion");
  return Response.json(completion, { headers: CORS });
}

function refusalOf(error: unknown): Response {
  if (error instanceof NotAuthenticated) return refuse(401, "invalid_token", error.message);
  if (error instanceof RequestRefused) return refuse(error.status, error.code, error.message);
  if (error instanceof BadBody) {
    return refuse(error.status, error.status === 413 ? "request_too_large" : "invalid_json", error.message);
  }
  console.error("request not answered:", error);
  return refuse(503, "unavailable", "The service is not available, try again later");
}

// OpenAI's envelope, because that is what the gateway's other clients know how to read.
function refuse(
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): Response {
  const type = status === 401
    ? "authentication_error"
    : status === 503
    ? "server_error"
    : "invalid_request_error";
  return Response.json({ error: { message, type, param: null, code } }, {
    status,
    headers: { ...CORS, ...headers },
  });
}
