// Settings come from the environment, and a missing one ends the function at its start, by name.

/** The value of an environment variable that must be set. */
export function required(name: string): string {
  const value = Deno.env.get(name);
  if (!value) throw new Error(`${name} is not set`);
  return value;
}
