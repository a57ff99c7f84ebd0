// A request's body, read no further than it may be long.

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
    if (error instanceof BadBody) throw error;
    throw new BadBody(400, "The body is not valid JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new BadBody(400, "The body must be a JSON object");
  }
  return value as Record<string, unknown>;
}

async function readAtMost(request: Request, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // The declared length may be absent or false, so the bytes themselves are counted.
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new BadBody(413, `The body is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const whole = new Uint8Array(bytes);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}
