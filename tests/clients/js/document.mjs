// A document, as its examples.
import { readFileSync } from "node:fs";

const ROOT = new URL("../../../", import.meta.url);

/** The fenced blocks of `language`: `{ heading, code }`, in order. */
export function examples(language, document = "docs/sql-api.md") {
  const found = [];
  let heading = "";
  let code = null;
  for (const line of readFileSync(new URL(document, ROOT), "utf8").split("\n")) {
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
