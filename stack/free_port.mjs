// Prints the first free TCP port of 127.0.0.1 that is not TAKEN: free_port.mjs LAST_TIME FROM TAKEN,...
import { createServer } from "node:net";

const PORTS_TRIED = 200;

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

const [lastTime, from] = process.argv.slice(2, 4).map(Number);
const taken = new Set((process.argv[4] ?? "").split(",").map(Number));
const candidates = [lastTime, ...Array.from({ length: PORTS_TRIED }, (_, offset) => from + offset)];
for (const port of candidates) {
  if (!taken.has(port) && (await isFree(port))) {
    console.log(port);
    process.exit(0);
  }
}
console.error(`no free port between ${from} and ${from + PORTS_TRIED}`);
process.exit(1);
