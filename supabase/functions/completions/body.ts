// A request's body: a JSON object that is not too long.
import { BodyTooLong, readAtMost } from "../_shared/body.ts";

/** The body is longer than allowed, or is not a JSON object; `status` is the HTTP status to answer. */
export class BadBody extends Error {
  constructor(readonly status: 400 | 413, message: string) {
    super(message);
  }
}

/** Reads a JSON object of at most `maxBytes` from `request`. Throws BadBody. */
export async function readJsonObject(request: Request, maxBytes: number): Promise<Record<string, unknown>> {
  const text = new TextDecoder("utf-8", { fatal: true });
  let value: unknown;
  try {
    value = JSON.parse(text.decode(await readAtMost(request, maxBytes)));
  } catch (error) {
    if (error instanceof BodyTooLong) throw new BadBody(413, error.message);
    throw new BadBody(400, "The body is not valid JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new BadBody(400, "The body must be a JSON object");
  }
  return value as Record<string, unknown>;
}
