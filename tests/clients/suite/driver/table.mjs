// The table of clients and cases, and what failed.
import { CASES, CLIENTS, FURTHER_CASES } from "./clients.mjs";

const COLUMNS = [...CASES, ...FURTHER_CASES];
/** As much of a failure as is shown. */
const MAX_FAILURE_CHARACTERS = 600;

/** Prints a line of text for each result, and below it why something failed. Returns whether all is well. */
export function show(results) {
  const rows = results.map(({ name, version, cases, books }) => [
    `${name} ${version}`,
    ...COLUMNS.map((column) => cell(name, column, cases)),
    books.differences.length === 0 ? `${books.calls} calls, ${books.tokens} tokens` : "DIFFER",
  ]);
  const table = [["client", ...COLUMNS, "books"], ...rows];
  const widths = table[0].map((_, at) => Math.max(...table.map((row) => row[at].length)));
  for (const row of table) console.log(row.map((text, at) => text.padEnd(widths[at])).join("  ").trimEnd());
  const failures = results.flatMap(failuresOf);
  for (const failure of failures) console.log(`\n${failure.slice(0, MAX_FAILURE_CHARACTERS)}`);
  return failures.length === 0;
}

function cell(name, column, cases) {
  if (column in cases) return cases[column] === null ? "ok" : "FAILED";
  const { lacks = {} } = CLIENTS.find((client) => client.name === name);
  return column in lacks ? "-" : "";
}

function failuresOf({ name, cases, books }) {
  const failed = Object.entries(cases).filter(([, error]) => error !== null);
  return [
    ...failed.map(([column, error]) => `${name}, ${column}: ${error}`),
    ...books.differences.map((difference) => `${name}, books: ${difference}`),
  ];
}
