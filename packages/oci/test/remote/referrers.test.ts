import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { bytesSource, copyGraph, type Descriptor, OciLayout, settleTogether } from "@ctxpack/oci";
import type { Repository } from "@ctxpack/oci/remote";
import {
  type Faults,
  missingProgram,
  scratchFolder,
  startDelayLink,
  startDockerRegistry,
} from "@ctxpack/test-tools";
import { describe, expect, it, onTestFinished } from "vitest";
import { describe as describeBlob, failure, faulty, open } from "./fixture.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
/** For a link on which an answer takes a while. */
const PATIENT = { timeouts: {} };
const config = Buffer.from("{}");
const configOf = { ...describeBlob(config, "application/vnd.oci.empty.v1+json") };

function artifact(note: string, subject?: Descriptor, type = "application/vnd.example.proof") {
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      artifactType: type,
      config: configOf,
      layers: [],
      ...(subject && { subject }),
      annotations: { note },
    }),
  );
  return { bytes, descriptor: describeBlob(bytes, MANIFEST) };
}

async function push(to: Repository, note: string, subject?: Descriptor, type?: string) {
  const { bytes, descriptor } = artifact(note, subject, type);
  await to.push(configOf, bytesSource(config));
  await to.push(descriptor, bytesSource(bytes));
  return descriptor;
}

async function list(
  from: Repository,
  subject: Descriptor,
  artifactType?: string,
): Promise<string[]> {
  const notes: string[] = [];
  for await (const d of from.referrers(subject, { artifactType })) {
    expect(d.artifactType).toBeDefined();
    notes.push(d.annotations?.["note"] ?? "?");
  }
  return notes.sort();
}

// Each way in which registries answer about referrers; the list is right in all of them.
describe.each<[string, Faults]>([
  ["the API", {}],
  ["no API", { referrers: false, ociSubject: false }],
  ["OCI-Subject, but no API yet (ECR)", { referrers: false }],
  ["an API, but no OCI-Subject", { ociSubject: false }],
  ["200 and nothing, though it does not know", { falseReferrers200: true, ociSubject: false }],
  ["200 and nothing, though it says OCI-Subject", { falseReferrers200: true }],
  ["a login page", { referrersHtml: true, ociSubject: false }],
  ["an API that does not filter", { filtersApplied: false }],
  ["pages of two", { pageSize: 2 }],
])("%s", (_, faults) => {
  it("lists what was pushed, by this process and by the next", async () => {
    const { server, repository } = await faulty(faults);
    const subject = await push(repository, "subject");
    for (const note of ["1", "2"]) await push(repository, note, subject);
    await push(repository, "other", subject, "application/vnd.example.other");
    const all = ["1", "2", "other"];
    expect(await list(repository, subject)).toEqual(all);
    const next = open(server.host).repository("a/b");
    expect(await list(next, subject)).toEqual(all);
    expect(await list(next, subject, "application/vnd.example.other")).toEqual(["other"]);
    expect(await list(open(server.host).repository("a/b"), await push(next, "lonely"))).toEqual([]);
  });

  it("forgets what was deleted", async () => {
    const { server, repository } = await faulty(faults);
    const subject = await push(repository, "subject");
    const gone = await push(repository, "gone", subject);
    await push(repository, "stays", subject);
    await repository.delete(gone);
    expect(await list(open(server.host).repository("a/b"), subject)).toEqual(["stays"]);
  });
});

it("both lists count where a registry got the API after the tag was written", async () => {
  const { server, repository } = await faulty({ referrers: false, ociSubject: false });
  const subject = await push(repository, "subject");
  await push(repository, "old", subject);
  server.faults.referrers = true;
  server.faults.ociSubject = true;
  // It does not know the old one: only the tag does.
  const next = open(server.host).repository("a/b");
  expect(await list(next, subject)).toContain("old");
});

it("a list that says nothing of what it lists is completed from the manifests", async () => {
  const { server, repository } = await faulty({ referrers: false, ociSubject: false });
  const subject = await push(repository, "subject");
  const proof = await push(repository, "proof", subject);
  const tag = `sha256-${subject.digest.slice(7)}`;
  const bare = { mediaType: proof.mediaType, digest: proof.digest, size: proof.size };
  const dead = { ...bare, digest: `sha256:${"d".repeat(64)}`, artifactType: "a/b" };
  const index = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [bare, bare, dead],
  };
  server.putManifest("a/b", index, tag);
  expect(await list(repository, subject, "application/vnd.example.proof")).toEqual(["proof"]);
  // One that lists what is gone can still be added to.
  await push(repository, "more", subject);
  expect(await list(repository, subject, "application/vnd.example.proof")).toEqual([
    "more",
    "proof",
  ]);
});

describe("a registry that has the API since lately", () => {
  const upgraded = async () => {
    const { server, repository } = await faulty({ referrers: false, ociSubject: false });
    const subject = await push(repository, "subject");
    const old = await push(repository, "old", subject);
    server.faults.referrers = true;
    server.faults.ociSubject = true;
    return { server, subject, old };
  };

  it("hides nothing that only the tag lists, though it lists others", async () => {
    const { server, subject } = await upgraded();
    // Its own list is made from `subject`: one without is what it does not know of.
    const unknown = artifact("known to the tag alone");
    server.putManifest("a/b", unknown.bytes);
    const index = {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [unknown.descriptor],
    };
    server.putManifest("a/b", index, `sha256-${subject.digest.slice(7)}`);
    const next = open(server.host).repository("a/b");
    await push(next, "new", subject);
    const all = ["known to the tag alone", "new", "old"];
    expect(await list(next, subject)).toEqual(all);
    expect(await list(open(server.host).repository("a/b"), subject)).toEqual(all);
  });

  it("lists nothing that was deleted, under the tag either", async () => {
    const { server, subject, old } = await upgraded();
    const next = open(server.host).repository("a/b");
    expect(await list(next, subject)).toEqual(["old"]);
    await next.delete(old);
    expect(await list(next, subject)).toEqual([]);
    expect(await list(open(server.host).repository("a/b"), subject)).toEqual([]);
  });
});

it("a repository that is not there yet does not mean that there is no API", async () => {
  const proof = artifact("proof").descriptor;
  let exists = false;
  const server = createServer((request, response) => {
    const listed = exists && request.url?.includes("/referrers/") === true;
    const type = listed ? "application/vnd.oci.image.index.v1+json" : "application/json";
    response.writeHead(listed ? 200 : 404, { "Content-Type": type });
    const manifests = [{ ...proof, artifactType: "a/b", annotations: { note: "proof" } }];
    response.end(
      JSON.stringify(
        listed
          ? { schemaVersion: 2, mediaType: type, manifests }
          : { errors: [{ code: "NAME_UNKNOWN", message: "no such repository" }] },
      ),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const repository = open(`127.0.0.1:${port}`, { plainHttp: true }).repository("a/b");
  const subject = artifact("subject").descriptor;
  expect(await list(repository, subject)).toEqual([]);
  exists = true;
  expect(await list(repository, subject)).toEqual(["proof"]);
});

describe("a list of ours with something odd in it", () => {
  const listing = async (
    entries: (put: (bytes: Buffer) => Descriptor) => readonly Descriptor[],
  ) => {
    const { server, repository } = await faulty({ referrers: false, ociSubject: false });
    const subject = await push(repository, "subject");
    const put = (bytes: Buffer): Descriptor => {
      server.putManifest("a/b", bytes);
      return describeBlob(bytes, MANIFEST);
    };
    const index = {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: entries(put),
    };
    server.putManifest("a/b", index, `sha256-${subject.digest.slice(7)}`);
    return { repository, subject };
  };

  it("one that cannot be read does not hide the others", async () => {
    const { repository, subject } = await listing((put) => [
      put(Buffer.from("no manifest")),
      put(artifact("good").bytes),
    ]);
    const type = "application/vnd.example.proof";
    expect(await list(repository, subject, type)).toEqual(["good"]);
    const found: Descriptor[] = [];
    for await (const d of repository.referrers(subject)) found.push(d);
    expect(found).toHaveLength(2);
  });

  it("the subject itself is one of them, once", async () => {
    const { repository, subject } = await listing(() => [artifact("subject").descriptor]);
    expect(await list(repository, subject)).toEqual(["subject"]);
  });

  it.each([
    [64, "all of them"],
    [65, "CTXPACK_E_PROTOCOL"],
  ])("%i that do not say what they are: %s", async (count, expected) => {
    const { repository, subject } = await listing((put) =>
      Array.from({ length: count }, (_, i) => put(artifact(`${i}`).bytes)),
    );
    const found = list(repository, subject, "application/vnd.example.proof");
    if (count === 64) expect(await found).toHaveLength(64);
    else expect((await failure(found)).code).toBe(expected);
  });
});

it("something else under the tag is said", async () => {
  const { server, repository } = await faulty({ referrers: false, ociSubject: false });
  const subject = await push(repository, "subject");
  server.putManifest("a/b", artifact("x").bytes, `sha256-${subject.digest.slice(7)}`);
  expect((await failure(list(repository, subject))).code).toBe("CTXPACK_E_MANIFEST");
});

it("more than 1,024 are an attack", async () => {
  const { server, repository } = await faulty({ referrers: false, ociSubject: false });
  const subject = await push(repository, "subject");
  const manifests = Array.from({ length: 1100 }, (_, i) => ({
    mediaType: MANIFEST,
    digest: `sha256:${i.toString(16).padStart(64, "0")}`,
    size: 1,
    artifactType: "a/b",
  }));
  const index = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests,
  };
  server.putManifest("a/b", index, `sha256-${subject.digest.slice(7)}`);
  expect((await failure(list(repository, subject))).code).toBe("CTXPACK_E_PROTOCOL");
});

describe("writes that are looked at again together", () => {
  const start = async () => {
    const { server, repository } = await faulty({ referrers: false, ociSubject: false });
    const subject = await push(repository, "subject");
    const tag = `sha256-${subject.digest.slice(7)}`;
    const overwrite = (...entries: readonly Descriptor[]): void => {
      const mediaType = "application/vnd.oci.image.index.v1+json";
      server.putManifest("a/b", { schemaVersion: 2, mediaType, manifests: entries }, tag);
    };
    const listed = () => list(open(server.host).repository("a/b"), subject);
    return { server, repository, subject, tag, overwrite, listed };
  };

  it("what somebody overwrites meanwhile is written again", async () => {
    const { server, repository, subject, overwrite, listed } = await start();
    const theirs = artifact("theirs", subject);
    server.putManifest("a/b", theirs.bytes);
    await settleTogether(async (settling) => {
      for (const note of ["1", "2", "3"]) {
        const { bytes, descriptor } = artifact(note, subject);
        await repository.push(descriptor, bytesSource(bytes), { settling });
      }
      // At once: on a busy machine anything else may come after the look.
      overwrite(theirs.descriptor);
    });
    expect(await listed()).toEqual(["1", "2", "3", "theirs"]);
  });

  it("what somebody took away meanwhile is not brought back", async () => {
    const { server, repository, subject, listed } = await start();
    const theirs = await push(repository, "theirs", subject);
    await settleTogether(async (settling) => {
      const { bytes, descriptor } = artifact("1", subject);
      await repository.push(descriptor, bytesSource(bytes), { settling });
      await open(server.host).repository("a/b").delete(theirs);
    });
    expect(await listed()).toEqual(["1"]);
  });

  it("of one entry the last word counts", async () => {
    const { server, repository, subject, tag, listed } = await start();
    const { bytes, descriptor } = artifact("1", subject);
    await settleTogether(async (settling) => {
      await repository.push(descriptor, bytesSource(bytes), { settling });
      await repository.delete(descriptor);
    });
    expect(await listed()).toEqual([]);
    await repository.push(descriptor, bytesSource(bytes));
    await settleTogether(async (settling) => {
      settling.add(repository.delete(descriptor));
      const has = () => server.manifests("a/b").get(server.tags("a/b").get(tag) ?? "");
      while (has()?.includes(descriptor.digest)) await turn();
      await repository.push(descriptor, bytesSource(bytes), { settling });
    });
    expect(await listed()).toEqual(["1"]);
  });

  it("many at once through one repository", async () => {
    const { repository, subject, listed } = await start();
    const notes = Array.from({ length: 8 }, (_, i) => `n${i}`);
    await Promise.all(notes.map((note) => push(repository, note, subject)));
    expect(await listed()).toEqual(notes);
  });

  it("tell what fails, the work's own failure first", async () => {
    const working = settleTogether(async (settling) => {
      settling.add(Promise.reject(new Error("late")));
      return 1;
    });
    await expect(working).rejects.toThrow("late");
    const failing = settleTogether(async (settling) => {
      settling.add(Promise.reject(new Error("late")));
      throw new Error("early");
    });
    await expect(failing).rejects.toThrow("early");
  });

  it("end with an abort, and when the work fails", async () => {
    const { repository, subject } = await start();
    const abort = new AbortController();
    const { signal } = abort;
    const { bytes, descriptor } = artifact("1", subject);
    const working = settleTogether(async (settling) => {
      await repository.push(descriptor, bytesSource(bytes), { settling, signal });
      abort.abort(new Error("enough"));
    });
    await expect(working).rejects.toThrow("enough");
    const other = artifact("2", subject);
    let ended: AbortSignal | undefined;
    const failing = settleTogether(async (settling) => {
      ended = settling.signal;
      await repository.push(other.descriptor, bytesSource(other.bytes), { settling });
      throw new Error("failed");
    });
    await expect(failing).rejects.toThrow("failed");
    expect(ended?.aborted).toBe(true);
  });
});

describe.skipIf(missingProgram("docker-registry"))("docker-registry, which has no API", () => {
  const start = async () => {
    const server = await startDockerRegistry();
    onTestFinished(() => server[Symbol.asyncDispose]());
    return server;
  };

  it("ten writers in one process lose nothing", async () => {
    const server = await start();
    const subject = await push(open(server.host).repository("a/b"), "subject");
    // Each as a program of its own would: they know nothing of one another.
    const writers = Array.from({ length: 10 }, (_, i) =>
      push(open(server.host).repository("a/b"), `n${i}`, subject),
    );
    await Promise.all(writers);
    expect(await list(open(server.host).repository("a/b"), subject)).toHaveLength(10);
  });

  it("ten processes lose nothing", async () => {
    const server = await start();
    const subject = await push(open(server.host).repository("a/b"), "subject");
    const fixture = new URL("./referrer-writer.ts", import.meta.url);
    const children = Array.from({ length: 10 }, (_, i) =>
      spawn(
        process.execPath,
        [
          "--conditions=@ctxpack/source",
          fixture.pathname,
          server.host,
          JSON.stringify(subject),
          `p${i}`,
        ],
        { stdio: ["ignore", "inherit", "inherit"] },
      ),
    );
    const codes = await Promise.all(children.map(async (child) => (await once(child, "exit"))[0]));
    expect(codes).toEqual(Array(10).fill(0));
    expect(await list(open(server.host).repository("a/b"), subject)).toHaveLength(10);
  });

  it("a writer far away does not overwrite one that is near", async () => {
    const server = await start();
    const link = await startDelayLink({ port: server.port }, { roundTripMs: 400 });
    onTestFinished(() => link[Symbol.asyncDispose]());
    const near = open(server.host, PATIENT).repository("a/b");
    const far = open(link.host, PATIENT).repository("a/b");
    const subject = await push(near, "subject");
    await push(far, "warm");
    const { bytes, descriptor } = artifact("far", subject);
    // It stores its manifest, reads the list after a round trip and a half and writes it one later; the near one
    // has written and looked again in between if it does not wait for others.
    const slow = far.push(descriptor, bytesSource(bytes));
    await new Promise((resolve) => setTimeout(resolve, 700));
    await Promise.all([slow, push(near, "near", subject)]);
    expect(await list(open(server.host).repository("a/b"), subject)).toEqual(["far", "near"]);
  });

  it("referrers travel with what they are about, to a folder and to another repository", async () => {
    using scratch = scratchFolder();
    const server = await start();
    const registry = open(server.host);
    const from = registry.repository("a/b");
    const subject = await push(from, "subject");
    const proof = await push(from, "proof", subject);
    await push(from, "proof of proof", proof);
    const layout = await OciLayout.open(`${scratch.path}/layout`, { create: true });
    const summary = await copyGraph(from, layout, subject, { referrers: true });
    expect(summary.copied.blobs).toBe(4);
    const to = registry.repository("c/d");
    await copyGraph(layout, to, subject, { referrers: true });
    expect(await list(to, subject)).toEqual(["proof"]);
    expect(await list(to, proof)).toEqual(["proof of proof"]);
  });
});
