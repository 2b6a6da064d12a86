import { bytesSource } from "@ctxpack/oci";
import { missingProgram, startDockerRegistry } from "@ctxpack/test-tools";
import { expect, it, onTestFinished } from "vitest";
import { describe as describeBlob, faulty, noise, open } from "./fixture.ts";

const blob = noise(1000);

it("says what can be done in a repository, and leaves nothing", async () => {
  const { server, repository } = await faulty();
  const yes = { pull: "yes", push: "yes", referrers: "api" };
  expect(await repository.probe()).toEqual({ ...yes, exists: false });
  await repository.push(describeBlob(blob), bytesSource(blob));
  expect(await repository.probe()).toEqual({ ...yes, exists: true });
  expect(server.sessions()).toBe(0);
  expect(server.blobs("a/b").size).toBe(1);
});

it("tells who may read only why", async () => {
  const { server, repository } = await faulty({ auth: "bearer", anonymousPull: true });
  const found = await repository.probe();
  expect(found).toMatchObject({ pull: "yes", push: { code: "CTXPACK_E_AUTH" }, referrers: "api" });
  expect(server.sessions()).toBe(0);
});

it("tells who may do nothing why", async () => {
  const { repository } = await faulty({ auth: "basic" });
  const refused = { code: "CTXPACK_E_AUTH" };
  expect(await repository.probe()).toMatchObject({
    exists: false,
    pull: refused,
    push: refused,
    referrers: refused,
  });
});

it.each([{ referrers: false }, { referrersHtml: true }])(
  "a registry without the API (%o) keeps referrers under a tag",
  async (faults) => {
    const { repository } = await faulty(faults);
    expect((await repository.probe()).referrers).toBe("tag");
  },
);

it.skipIf(missingProgram("docker-registry"))(
  "docker-registry, and one that passes on what another one has",
  async () => {
    const server = await startDockerRegistry();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const repository = open(server.host).repository("a/b");
    await repository.push(describeBlob(blob), bytesSource(blob));
    expect(await repository.probe()).toMatchObject({ pull: "yes", push: "yes", referrers: "tag" });
    const through = await startDockerRegistry({ proxyOf: server.origin });
    onTestFinished(() => through[Symbol.asyncDispose]());
    expect(await open(through.host).repository("a/b").probe()).toMatchObject({
      pull: "yes",
      push: { code: "CTXPACK_E_UNSUPPORTED" },
    });
  },
);
