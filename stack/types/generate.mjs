// Writes the types of what front ends may ask of schema octroi to a file: generate.mjs FILE, with DATABASE_URL naming a migrated
// database. With --check it writes nothing, and exits 1 when the file says anything else.
import { readFile, writeFile } from "node:fs/promises";
import { generateTypescript, sortGeneratorMetadata } from "@supabase/postgrest-typegen/generation";
import { introspect } from "@supabase/postgrest-typegen/introspection";
import postgres from "postgres";

const SCHEMA = "octroi";
const HEAD = `// What front ends may ask of Octroi, for supabase-js: createClient<Database, "octroi">(url, key, { db: { schema: "octroi" } }).
// Made from the migrations by \`make types\`; \`make test\` compares.
`;

const [option, ...rest] = process.argv.slice(2);
const isCheck = option === "--check";
const file = isCheck ? rest[0] : option;
if (!file || !process.env.DATABASE_URL) {
  console.error("usage: DATABASE_URL=… generate.mjs [--check] FILE");
  process.exit(2);
}

const sql = postgres(process.env.DATABASE_URL, { max: 1, onnotice: () => {} });
const metadata = await introspect({ query: async (text) => ({ rows: await sql.unsafe(text) }) }, { includedSchemas: [SCHEMA] });
const types = HEAD + await generateTypescript(sortGeneratorMetadata(metadata), { postgrestVersion: "12" });
await sql.end();

const known = await readFile(file, "utf8").catch(() => "");
if (isCheck && known !== types) {
  console.error(`${file} is not what the migrations say: run make types`);
} else if (!isCheck) {
  await writeFile(file, types);
}
// The formatter of the generator keeps workers that would not let the process end.
process.exit(isCheck && known !== types ? 1 : 0);
