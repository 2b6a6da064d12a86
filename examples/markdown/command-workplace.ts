// What the examples of our commands name, as somebody has it who works with them: contracts, packs in the store and in a
// registry, keys and a policy, runs of agents.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Whom the registry that wants an account knows. */
export const ACCOUNT = { user: "alice", password: "correct horse" } as const;

/** A PDF that says "Hello." */
const PDF = `%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj
4 0 obj<</Length 38>>stream
BT /F1 12 Tf 20 100 Td (Hello.) Tj ET
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>
`;

const CONTRACT = `command: [node, src/text.ts, "{in}", "{out}"]
inputs: [{ name: docs, path: docs }]
transforms: [{ tool: text, tool_version: "1", params: { lines: 1 } }]
outputs: [{ path: text.txt }]
`;

const TEXT = `import { readdirSync, writeFileSync } from "node:fs";
const [folder = "", to = ""] = process.argv.slice(2);
writeFileSync(to, readdirSync(folder, { recursive: true }).join("\\n"));
`;

const EXTRACT = `import { readFileSync, writeFileSync } from "node:fs";
const [prompt = "", from = "", to = ""] = process.argv.slice(2);
writeFileSync(to, JSON.stringify({ prompt: readFileSync(prompt, "utf8"), bytes: readFileSync(from).length }));
`;

const AGENT = `import json, os, urllib.request
body = {"model": "m-1", "messages": [{"role": "user", "content": "Mend the login."}]}
headers = {"content-type": "application/json", "authorization": "Bearer none"}
url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
answer = urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers))
print(json.load(answer)["choices"][0]["message"]["content"])
`;

const CLIENT = [
  {
    id: 1,
    method: "initialize",
    params: {
      protocolVersion: "2025-06-18",
      capabilities: {},
      clientInfo: { name: "desk", version: "1" },
    },
  },
  { method: "notifications/initialized" },
  { id: 2, method: "tools/list" },
  { id: 3, method: "tools/call", params: { name: "read_text", arguments: { path: "a.txt" } } },
]
  .map((message) => `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
  .join("");

const GO = "package handlers\n";
const READ = { tool: "read_file", parameters: { path: "a.txt" }, output: "alpha\n" };
const WRITE = {
  tool: "write_file",
  parameters: { path: "handlers/user.go", content: GO },
  output: "written",
};
const ASKED = { tool: "mcp__fs__read_text", parameters: { path: "a.txt" }, output: "alpha\n" };

function log(model: string, steps: readonly object[]): string {
  return JSON.stringify({
    model: { identifier: model, parameters: { temperature: 0 } },
    system_prompt: "Be exact.",
    prompts: [{ role: "user", content: "Write the handler." }],
    inputs: [{ name: "a.txt", content: "alpha\n" }],
    steps: steps.map((step, index) => ({ index, type: "tool_call", deterministic: true, ...step })),
    outputs: steps.includes(WRITE) ? [{ name: "handlers/user.go", content: GO }] : [],
    environment: { os: process.platform, runtime: "node", tool_versions: {} },
  });
}

/** A store of the earlier tool with one pack: contents by their digests, and a name for each pack. */
function earlierStore(folder: string): Readonly<Record<string, string>> {
  const files: Record<string, string> = { [`${folder}/config.json`]: '{"version":"0.1"}' };
  const put = (text: string): string => {
    const digest = createHash("sha256").update(text).digest("hex");
    files[`${folder}/objects/${digest.slice(0, 2)}/${digest.slice(2)}`] = text;
    return digest;
  };
  const pack = put(
    JSON.stringify({
      created: "2026-02-20T10:16:20Z",
      environment: { os: "linux", runtime: "go1.23", tool_versions: null },
      hash: "",
      inputs: [],
      model: { identifier: "m-1", parameters: null },
      outputs: [{ content_ref: `sha256:${put("alpha\n")}`, name: "o.txt" }],
      prompts: [{ content_ref: `sha256:${put("Ask.")}`, role: "user" }],
      steps: [],
      system_prompt: `sha256:${put("Be exact.")}`,
      version: "0.1",
    }),
  );
  files[`${folder}/packs/${pack}`] = `sha256:${pack}`;
  return files;
}

const FILES: Readonly<Record<string, string>> = {
  "contract.yaml": CONTRACT,
  "contract.json": JSON.stringify({
    transforms: [{ tool: "clean", tool_version: "2" }],
    outputs: [{ path: "processed_data" }],
  }),
  "processed_data/manual/chapter-1.txt": "It was a dark night.\n",
  "processed_data/text/a.txt": "alpha\n",
  "docs/guide.pdf": PDF,
  "docs/more/second.pdf": PDF.replace("Hello.", "Later."),
  "prompt.txt": "Say what it is about.\n",
  "extract.ts": EXTRACT,
  "src/text.ts": TEXT,
  "src/embed.ts": TEXT,
  "src/a.txt": "alpha\n",
  "report.pdf": PDF,
  "runtime.json": '{"model":"m-1"}',
  "data.csv": "apples,3\n",
  "evidence.json": '[{"type":"file","path":"data.csv","quote":"apples,3"}]',
  "agent.py": AGENT,
  "handlers/user.go": GO,
  "logs/first.jsonl": `${log("m-1", [READ, WRITE])}\n`,
  "logs/second.jsonl": `${log("m-2", [READ, WRITE])}\n`,
  "logs/served.jsonl": `${log("m-1", [ASKED])}\n`,
  "client.ndjson": CLIENT,
  ...earlierStore("old-project/.ctx"),
  "../.claude/projects/-home-me-app/5f0c….jsonl": `${log("m-3", [READ])}\n`,
  "../project/README.md": "# A project\n",
};

/** Writes the files into the folder `work` of a home. */
export function writeFiles(home: string): void {
  for (const [name, text] of Object.entries(FILES)) {
    const path = join(home, "work", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

/** What is done there once; it ends with what the examples' names stand for, as `NAME=VALUE`. */
export function preparing(pantry: string): string {
  return `set -eu
name() { printf '%s=%s\\n' "$1" "$2" >> names; }
uri=$(ctxpack seed ./processed_data --contract contract.json)
other=$(ctxpack run --contract contract.yaml)
key=$(ctxpack keygen --out release.pem --quiet)
ctxpack keygen --out ci.pem
ctxpack attest "$uri" --key release.pem
for one in "$uri" "$other"; do
  ctxpack push "$one" --to ${pantry}
  ctxpack push "$one" --to oci:./pantry
done
echo '{"schema":"ctxpack.policy/v1","signers":{"me":{"publicKeyFile":"release.pub","keyId":"'"$key"'"}},' \\
  '"rules":[{"require":[{"signers":["me"]}]}]}' > policy.json
name 'ctx://sha256:7c1e…' "$uri"
name 7c1e44 "$(echo "$uri" | cut -c 14-25)"
name 91aa02 "$(echo "$other" | cut -c 14-25)"
first=$(ctxpack trace pack logs/first.jsonl)
second=$(ctxpack trace pack logs/second.jsonl)
served=$(ctxpack trace pack logs/served.jsonl)
# Of the one that was served by an MCP server, a tape is made.
name '58a6ff02 --mode tape' "$(echo "$served" | cut -c 14-25) --mode tape"
for one in 58a6ff02 a1b2c3; do name $one "$(echo "$first" | cut -c 14-25)"; done
for one in c31b196f d4e5f6; do name $one "$(echo "$second" | cut -c 14-25)"; done
`;
}
