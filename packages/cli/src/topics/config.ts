import { formatTable } from "../format.ts";

/** Keys of a configuration file. */
export const KEYS: Readonly<Record<string, string>> = {
  $schema: "for editors",
  cacheDir: "where the store lies",
  concurrency: "blobs in flight at a time, 1 to 64",
  lock: "a lock file whose pins packs have to meet; those of user and project add up",
  offline: "true: no registry is asked",
  pantries: 'where packs are looked for and pushed to: "ghcr.io/acme/packs", or {name, address}',
  policy: "a policy file that packs have to satisfy; those of user and project add up",
  registries: "of one host: certificates, mirrors, plain HTTP (docs/registries.md)",
  storeBudget: 'how large the store may become: "50GB"; the user\'s file only',
};

/** `ctxpack help config`. */
export function config(): string {
  const rows = Object.entries(KEYS).map(([name, about]) => [`  ${name}`, about]);
  return [
    "configuration: JSON, in ctxpack.config.json here or in a folder above, and for the user in\n" +
      "~/.config/ctxpack/config.json (XDG_CONFIG_HOME). Flags and variables win over both, the project over the user.",
    '  {"pantries": [{"name": "team", "address": "ghcr.io/acme/packs"}], "policy": "policy.json"}',
    `keys\n${formatTable(rows)}`,
    'Only the user\'s file can say {"trust": "unsigned"} of a pantry. ctxpack doctor says which files are read.',
  ].join("\n\n");
}
