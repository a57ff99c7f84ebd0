// A request's body, read no further than it may be long.

/** The body is longer than allowed; the message may be shown to whoever sent it. */
export class BodyTooLong extends Error {
  constructor(maxBytes: number) {
    super(`The body is longer than ${maxBytes} bytes`);
  }
}

/** Reads the raw body of at most `maxBytes`. Throws BodyTooLong. */
export async function readAtMost(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // The declared length may be absent or false, so the bytes themselves are counted.
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new BodyTooLong(maxBytes);
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
