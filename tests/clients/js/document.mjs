// docs/sql-api.md, as its examples.
import { readFileSync } from "node:fs";

const DOCUMENT = new URL("../../../docs/sql-api.md", import.meta.url);

/** The fenced blocks of `language`: `{ heading, code }`, in order. */
export function examples(language) {
  const found = [];
  let heading = "";
  let code = null;
  for (const line of readFileSync(DOCUMENT, "utf8").split("\n")) {
    if (code !== null && line === "```") {
      found.push({ heading, code: code.join("\n") });
      code = null;
    } else if (code !== null) {
      code.push(line);
    } else if (line === "```" + language) {
      code = [];
    } else if (/^##? /.test(line)) {
      heading = line.replace(/^#+ /, "");
    }
  }
  return found;
}
