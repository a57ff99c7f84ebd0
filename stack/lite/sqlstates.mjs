// PostgREST's rule which HTTP status a failed statement is answered with:
// https://docs.postgrest.org/en/stable/references/errors.html#status-codes

const STATUS_OF_STATE = {
  "23503": 409,
  "23505": 409,
  "25006": 405,
  "42883": 404,
  "42P01": 404,
  "42P17": 500,
  "57P01": 503,
  "P0001": 400,
};
const STATUS_OF_CLASS = {
  "08": 503,
  "09": 500,
  "0L": 403,
  "0P": 403,
  "25": 500,
  "28": 403,
  "2D": 500,
  "38": 500,
  "39": 500,
  "3B": 500,
  "40": 500,
  "53": 503,
  "54": 500,
  "55": 500,
  "57": 500,
  "58": 500,
  "F0": 500,
  "HV": 500,
  "P0": 500,
  "XX": 500,
};

/** The status for an error of Postgres, asked by a caller who is signed in or not. Whatever is not listed is the caller's fault. */
export function httpStatus({ code, message }, isSignedIn) {
  switch (code) {
    case "42501":
      return isSignedIn ? 403 : 401;
    case "53400":
      return 500;
    case "21000":
      return message.endsWith("requires a WHERE clause") ? 400 : 500;
    case "22023":
      return /^role .* does not exist$/.test(message) ? 401 : 400;
  }
  const chosen = /^PT(.*)$/.exec(code)?.[1];
  if (chosen !== undefined) return /^[2-5]\d\d$/.test(chosen) ? Number(chosen) : 500;
  return STATUS_OF_STATE[code] ?? STATUS_OF_CLASS[code.slice(0, 2)] ?? 400;
}
