// The workflow that publishes: what can be said of it without GitHub.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";

const root = join(import.meta.dirname, "..");
const { jobs } = parse(readFileSync(join(root, ".github/workflows/release.yml"), "utf8")) as {
  readonly jobs: {
    readonly release: {
      readonly if: string;
      readonly steps: readonly { readonly uses?: string; readonly run?: string }[];
    };
  };
};

test("npm provenance names the commit that is published", () => {
  const terms = jobs.release.if.split("&&").map((term) => term.trim());
  expect(terms).toContain("github.event.workflow_run.head_sha == github.sha");
});

test("a release has its bill of materials, made when the pull request no longer takes it along", () => {
  const { steps } = jobs.release;
  const made = steps.findIndex(({ run }) => run?.includes("scripts/check-licenses.ts sbom.json"));
  expect(made).toBeGreaterThan(
    steps.findIndex(({ uses }) => uses?.startsWith("changesets/action@")),
  );
  expect(steps[made]?.run).toMatch(/gh release upload "@ctxpack\/cli@\$version" sbom\.json/);
});
