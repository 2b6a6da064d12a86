import { SeenTimesFile } from "@ctxpack/proof";

/** Records fifty times under its own name and under one that all writers share. */
const [, , file = "", n = "0"] = process.argv;
using seen = await SeenTimesFile.open(file);
for (let i = 0; i < 50; i++) {
  const time = new Date(Date.UTC(2026, 10, (i + Number(n)) % 11));
  const manifest = `sha256:${"b".repeat(64)}` as const;
  const at = (subject: string) => ({ policy: "/p.json", pantry: "x.example/p", subject });
  await seen.record([
    { key: at(`s${n}`), time, manifest },
    { key: at("shared"), time, manifest },
  ]);
}
