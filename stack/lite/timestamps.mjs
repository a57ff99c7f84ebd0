// Points in time as PostgREST writes them, which is as Postgres writes them into JSON: 2026-12-01T12:30:00+00:00. Lite
// hands on Postgres' text, 2026-12-01 12:30:00+00, which not every browser takes for a date.

const TEXT = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)([+-]\d\d(?::\d\d)*)?( BC)?$/;

/** Postgres' text of a timestamp in ISO 8601; `infinity` stays as it is. */
export function isoTimestamp(text) {
  const [, date, time, offset = "", era = ""] = TEXT.exec(text) ?? [];
  if (date === undefined) return text;
  return `${date}T${time}${offset.length === 3 ? `${offset}:00` : offset}${era}`;
}

const asIso = (oid) => ({ to: oid, from: [oid], serialize: (value) => value, parse: isoTimestamp });

/** The types for the driver. */
export const TIMESTAMP_TYPES = { timestamp: asIso(1114), timestamptz: asIso(1184) };
