// The door: POST a completion request, get back where its result will be.
//
// It verifies the caller, bounds the body and inserts, with the caller's own token, so that the database decides what
// the caller may ask for. Whether the request makes sense is decided there too, and by the worker; no rule stands here.
import { BadBody, readJsonObject } from "./body.ts";
import { NotAuthenticated, type VerifyCaller } from "./caller.ts";
import { type RequestCompletion, RequestRefused } from "./rpc.ts";

export interface Door {
  verifyCaller: VerifyCaller;
  requestCompletion: RequestCompletion;
  /** Longest body that is read, in bytes. */
  maxBodyBytes: number;
  /** What a completion's id is appended to, as its `url`. */
  completionsUrl: string;
}

// A browser on any site may call: nothing is sent along by itself, the caller shows a token.
const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "authorization, apikey, content-type, x-client-info",
  "access-control-allow-methods": "POST, OPTIONS",
  "access-control-max-age": "86400",
};

/** The handler of the edge function. It never throws. */
export function openDoor(door: Door): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      return await answer(door, request);
    } catch (error) {
      console.error("request not answered:", error);
      return refuse(503, "The service is not available, try again later", "server_error", "unavailable");
    }
  };
}

async function answer(door: Door, request: Request): Promise<Response> {
  if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: CORS });
  if (request.method !== "POST") {
    return refuse(
      405,
      `${request.method} is not allowed here`,
      "invalid_request_error",
      "method_not_allowed",
      {
        allow: "POST, OPTIONS",
      },
    );
  }
  if (!/^application\/json\s*(;|$)/i.test(request.headers.get("content-type") ?? "")) {
    return refuse(
      415,
      "The content type must be application/json",
      "invalid_request_error",
      "unsupported_media_type",
    );
  }
  const token = /^Bearer ([^\s]+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (!token) {
    return refuse(
      401,
      "An access token is needed as a bearer token",
      "authentication_error",
      "missing_token",
    );
  }
  try {
    await door.verifyCaller(token);
    const body = await readJsonObject(request, door.maxBodyBytes);
    const id = await door.requestCompletion(body, token);
    const url = `${door.completionsUrl}${id}`;
    return Response.json({ id, url }, { status: 202, headers: { ...CORS, location: url } });
  } catch (error) {
    if (error instanceof NotAuthenticated) {
      return refuse(401, error.message, "authentication_error", "invalid_token");
    }
    if (error instanceof BadBody) {
      const code = error.status === 413 ? "request_too_large" : "invalid_json";
      return refuse(error.status, error.message, "invalid_request_error", code);
    }
    if (error instanceof RequestRefused) {
      return refuse(error.status, error.message, "invalid_request_error", error.code);
    }
    throw error;
  }
}

// OpenAI's envelope, because that is what the gateway's other clients know how to read.
function refuse(
  status: number,
  message: string,
  type: string,
  code: string,
  headers: Record<string, string> = {},
): Response {
  return Response.json({ error: { message, type, param: null, code } }, {
    status,
    headers: { ...CORS, ...headers },
  });
}
