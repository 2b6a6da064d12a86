import type { IncomingMessage } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { listen } from "../../../test-tools/src/http-server.ts";
import { blobOf, MiB, type Upload, uploaderTo } from "./uploading.ts";

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly errors?: string;
}

interface Asked {
  readonly line: string;
  readonly headers: IncomingMessage["headers"];
  readonly url: string;
}

const CHUNKS = { upload: "chunks", chunkSize: MiB } as const;
const STARTED: Answer = { status: 202, headers: { location: "/u/1?_state=0" } };
const STORED: Answer = { status: 201 };

/** A registry that gives these answers one after the other, and 500 after the last. */
async function scripted(
  answers: readonly Answer[],
  profile: Parameters<typeof uploaderTo>[1] = {},
): Promise<Upload & { readonly asked: readonly Asked[] }> {
  const rest = [...answers];
  const asked: Asked[] = [];
  const server = await listen(async (request, response) => {
    const { method = "", url = "", headers } = request;
    const range = headers["content-range"];
    asked.push({ line: range === undefined ? method : `${method} ${range}`, headers, url });
    request.resume();
    await new Promise((resolve) => request.once("end", resolve));
    const { status, headers: more = {}, errors } = rest.shift() ?? { status: 500 };
    const text = JSON.stringify({ errors: [{ code: errors, message: "as told" }] });
    response.writeHead(status, more);
    response.end(errors === undefined ? undefined : text);
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return { asked, ...uploaderTo(server.host, profile) };
}

function lines(asked: readonly Asked[]): string[] {
  return asked.map(({ line }) => line);
}

function accepted(range?: string, state = "1"): Answer {
  const location = `/u/1?_state=${state}`;
  return { status: 202, headers: { location, ...(range !== undefined && { range }) } };
}

describe("an upload", () => {
  it("goes on at the last Location, with its query as it was", async () => {
    const { uploader, asked } = await scripted(
      [STARTED, accepted(`0-${MiB - 1}`, "a%2Bb+c=="), STORED, head(2 * MiB)],
      CHUNKS,
    );
    const { descriptor, source } = blobOf(2 * MiB);
    await uploader.push(descriptor, source);
    expect(asked.slice(0, 3).map(({ url }) => url)).toEqual([
      "/v2/a/b/blobs/uploads/",
      "/u/1?_state=0",
      `/u/1?_state=a%2Bb+c==&digest=${encodeURIComponent(descriptor.digest)}`,
    ]);
  });

  it("goes on where the session stands after a 416, once", async () => {
    const conflict: Answer = { status: 416, errors: "RANGE_INVALID" };
    const { uploader, asked } = await scripted(
      [
        STARTED,
        accepted(`0-${MiB - 1}`),
        accepted(`0-${MiB - 1}`),
        conflict,
        { status: 204, headers: { range: `0-${MiB - 1}` } },
        accepted(`0-${2 * MiB - 1}`),
        accepted(`0-${3 * MiB - 1}`),
        STORED,
        head(4 * MiB),
      ],
      CHUNKS,
    );
    const { descriptor, source } = blobOf(4 * MiB);
    await uploader.push(descriptor, source);
    expect(lines(asked)).toEqual([
      "POST",
      `PATCH 0-${MiB - 1}`,
      `PATCH ${MiB}-${2 * MiB - 1}`,
      `PATCH ${2 * MiB}-${3 * MiB - 1}`,
      "GET",
      `PATCH ${MiB}-${2 * MiB - 1}`,
      `PATCH ${2 * MiB}-${3 * MiB - 1}`,
      `PUT ${3 * MiB}-${4 * MiB - 1}`,
      "HEAD",
    ]);
  });

  it("ends when there is a second 416", async () => {
    const conflict: Answer = { status: 416, errors: "RANGE_INVALID" };
    const { uploader, asked } = await scripted(
      [
        STARTED,
        accepted(`0-${MiB - 1}`),
        accepted(`0-${MiB - 1}`),
        conflict,
        { status: 204, headers: { range: `0-${MiB - 1}` } },
        conflict,
        { status: 204 },
      ],
      CHUNKS,
    );
    const { descriptor, source } = blobOf(4 * MiB);
    await expect(uploader.push(descriptor, source)).rejects.toMatchObject({
      code: "CTXPACK_E_PROTOCOL",
      details: { status: 416, digest: descriptor.digest },
    });
    expect(lines(asked).slice(5)).toEqual([`PATCH ${MiB}-${2 * MiB - 1}`, "DELETE"]);
  });

  it("in a session that agrees about the range gets smaller pieces after a 416", async () => {
    const { uploader, asked } = await scripted(
      [
        STARTED,
        accepted(`0-${2 * MiB - 1}`),
        { status: 416 },
        { status: 204, headers: { range: `0-${2 * MiB - 1}` } },
        accepted(),
        STORED,
        head(4 * MiB),
      ],
      { upload: "chunks", chunkSize: 2 * MiB },
    );
    const { descriptor, source } = blobOf(4 * MiB);
    await uploader.push(descriptor, source);
    expect(lines(asked).slice(2)).toEqual([
      `PUT ${2 * MiB}-${4 * MiB - 1}`,
      "GET",
      `PATCH ${2 * MiB}-${3 * MiB - 1}`,
      `PUT ${3 * MiB}-${4 * MiB - 1}`,
      "HEAD",
    ]);
  });

  it.each([
    ["BLOB_UPLOAD_UNKNOWN", 404],
    ["BLOB_UPLOAD_INVALID", 400],
    [undefined, 404],
  ])("begins anew when its session is lost (%s %i)", async (errors, status) => {
    const lost = { status, ...(errors !== undefined && { errors }) };
    const { uploader, asked } = await scripted(
      [STARTED, accepted(), lost, STARTED, accepted(), accepted(), STORED, head(2 * MiB + 1)],
      CHUNKS,
    );
    const { descriptor, source } = blobOf(2 * MiB + 1);
    const [patch1, patch2] = [`PATCH 0-${MiB - 1}`, `PATCH ${MiB}-${2 * MiB - 1}`];
    await uploader.push(descriptor, source);
    expect(lines(asked).slice(0, 6)).toEqual(["POST", patch1, patch2, "POST", patch1, patch2]);
    expect(asked).toHaveLength(8);
  });

  it("is not begun anew where there is no repository", async () => {
    const { uploader, asked } = await scripted([
      STARTED,
      { status: 404, errors: "NAME_UNKNOWN" },
      { status: 204 },
    ]);
    const { descriptor, source } = blobOf(1000);
    await expect(uploader.push(descriptor, source)).rejects.toMatchObject({
      code: "CTXPACK_E_NOT_FOUND",
    });
    expect(lines(asked)).toEqual(["POST", "PUT", "DELETE"]);
  });

  it("begins anew where a session does not say what it has", async () => {
    for (const status of [204, 400, 405]) {
      const { uploader, asked } = await scripted([
        STARTED,
        { status: 503 },
        { status },
        ...(status === 400 ? [] : [{ status: 204 }]),
        STARTED,
        STORED,
      ]);
      const { descriptor, source } = blobOf(1000);
      await uploader.push(descriptor, source);
      expect(lines(asked).at(-2)).toBe("POST");
    }
  });

  it("whose answer was lost is ended, not sent again", async () => {
    const { uploader, asked } = await scripted([
      STARTED,
      { status: 502 },
      { status: 204, headers: { range: "0-999", location: "/u/1?_state=2" } },
      STORED,
    ]);
    const { descriptor, source } = blobOf(1000);
    await uploader.push(descriptor, source);
    expect(asked.at(-1)?.headers["content-length"]).toBe("0");
    expect(asked.at(-1)?.url).toContain("_state=2&digest=");
  });

  it("of bytes that were damaged on their way begins anew once, and whole", async () => {
    const damaged: Answer = { status: 400, errors: "DIGEST_INVALID" };
    const cancelled: Answer = { status: 404 };
    const one = await scripted([STARTED, accepted(), damaged, cancelled, STARTED, STORED], CHUNKS);
    const { descriptor, source } = blobOf(2 * MiB);
    await one.uploader.push(descriptor, source);
    expect(lines(one.asked).slice(4)).toEqual(["POST", "PUT"]);
    const two = await scripted([STARTED, damaged, cancelled, STARTED, damaged, cancelled]);
    await expect(two.uploader.push(descriptor, source)).rejects.toMatchObject({
      details: { status: 400 },
      message: expect.stringContaining("DIGEST_INVALID"),
    });
    expect(two.asked).toHaveLength(6);
  });

  it("in pieces may show late, and is sent whole where it never shows", async () => {
    const late = [{ status: 404 }, { status: 404 }];
    const start = [STARTED, accepted(), STORED];
    const one = await scripted([...start, ...late, head(2 * MiB)], CHUNKS);
    const { descriptor, source } = blobOf(2 * MiB);
    await one.uploader.push(descriptor, source);
    expect(lines(one.asked).slice(3)).toEqual(["HEAD", "HEAD", "HEAD"]);
    const two = await scripted([...start, ...late, ...late, STARTED, STORED], CHUNKS);
    await two.uploader.push(descriptor, source);
    expect(lines(two.asked).slice(7)).toEqual(["POST", "PUT"]);
  });
});

describe("a registry", () => {
  it("that takes no more bytes and says nothing is left, and asked again", async () => {
    const lines: string[] = [];
    const server = await listen(async (request, response) => {
      lines.push(request.method ?? "");
      // The first PUT is never read: the kernel's buffers fill up.
      if (lines.filter((line) => line === "PUT").length === 1 && request.method === "PUT") return;
      request.resume();
      await new Promise((resolve) => request.once("end", resolve));
      const status = { POST: 202, PUT: 201 }[request.method ?? ""] ?? 404;
      response.writeHead(status, { location: "/u/1" }).end();
    });
    onTestFinished(() => server[Symbol.asyncDispose]());
    const { uploader } = uploaderTo(server.host, {}, { timeouts: { stallMs: 200 } });
    const { descriptor, source } = blobOf(32 * MiB);
    expect(await uploader.push(descriptor, source)).toBe("uploaded");
    expect(lines).toEqual(["POST", "PUT", "GET", "POST", "PUT"]);
  });

  it("that goes on when it seemed to have stopped is believed where it stands", async () => {
    const conflict: Answer = { status: 416, errors: "RANGE_INVALID" };
    const { uploader, asked } = await scripted(
      [
        STARTED,
        // The answer to the whole body was lost; some of it was still being taken in when we asked.
        { status: 504 },
        { status: 204, headers: { range: `0-${MiB - 1}` } },
        conflict,
        { status: 204, headers: { range: `0-${2.5 * MiB - 1}` } },
        STORED,
        head(3 * MiB),
      ],
      { chunkSize: MiB },
    );
    const { descriptor, source } = blobOf(3 * MiB);
    await uploader.push(descriptor, source);
    expect(lines(asked).slice(1, 6)).toEqual([
      "PUT",
      "GET",
      `PATCH ${MiB}-${2 * MiB - 1}`,
      "GET",
      `PUT ${2.5 * MiB}-${3 * MiB - 1}`,
    ]);
  });

  it("whose answers stay behind is not believed after a failure either", async () => {
    const behind = accepted(`0-${MiB - 1}`);
    const { uploader, asked } = await scripted(
      [
        STARTED,
        behind,
        behind,
        { status: 503 },
        { status: 204, headers: { range: `0-${MiB - 1}` } },
        behind,
        STORED,
        head(4 * MiB),
      ],
      CHUNKS,
    );
    const { descriptor, source } = blobOf(4 * MiB);
    await uploader.push(descriptor, source);
    const third = `PATCH ${2 * MiB}-${3 * MiB - 1}`;
    expect(lines(asked).slice(3, 6)).toEqual([third, "GET", third]);
  });

  it("that never says what it has is given up after three sessions", async () => {
    const session = [STARTED, { status: 503 }, { status: 204 }, { status: 204 }];
    const { uploader, asked } = await scripted([...session, ...session, ...session]);
    const { descriptor, source } = blobOf(1000);
    await expect(uploader.push(descriptor, source)).rejects.toMatchObject({
      code: "CTXPACK_E_UNAVAILABLE",
      details: { status: 503 },
    });
    const each = ["POST", "PUT", "GET", "DELETE"];
    expect(lines(asked)).toEqual([...each, ...each, ...each]);
  });
});

describe("an answer", () => {
  it.each([
    ["PATCH", [STARTED, accepted(`0-${5 * MiB}`), { status: 204 }]],
    ["status", [STARTED, { status: 503 }, accepted(`0-${5 * MiB}`), { status: 204 }]],
  ])("that has more than was sent breaks the protocol (%s)", async (_, answers) => {
    const { uploader, asked } = await scripted(answers, CHUNKS);
    const { descriptor, source } = blobOf(3 * MiB);
    await expect(uploader.push(descriptor, source)).rejects.toMatchObject({
      code: "CTXPACK_E_PROTOCOL",
      message: expect.stringContaining(`${5 * MiB + 1} bytes`),
    });
    expect(lines(asked).at(-1)).toBe("DELETE");
  });

  it("that names another blob is none", async () => {
    const other = `sha256:${"0".repeat(64)}`;
    const stored = { status: 201, headers: { "docker-content-digest": other } };
    const { uploader, asked } = await scripted([STARTED, stored, { status: 204 }]);
    const { descriptor, source } = blobOf(1000);
    await expect(uploader.push(descriptor, source)).rejects.toMatchObject({
      code: "CTXPACK_E_DIGEST_MISMATCH",
      details: { expected: descriptor.digest, found: other },
    });
    expect(lines(asked)).toEqual(["POST", "PUT", "DELETE"]);
  });

  it.each([`sha512:${"0".repeat(128)}`, "nonsense", ""])(
    "that says %j says nothing",
    async (said) => {
      const stored = { status: 201, headers: { "docker-content-digest": said } };
      const { uploader } = await scripted([STARTED, stored]);
      const { descriptor, source } = blobOf(1000);
      expect(await uploader.push(descriptor, source)).toBe("uploaded");
    },
  );

  it.each([200, 202, 302])("%i to a PUT is no success", async (status) => {
    const { uploader } = await scripted([STARTED, { status }, { status: 204 }]);
    const { descriptor, source } = blobOf(1000);
    await expect(uploader.push(descriptor, source)).rejects.toMatchObject({
      code: "CTXPACK_E_PROTOCOL",
    });
  });

  it("to a mount that names another blob, or no place to go on, is not believed", async () => {
    const headers = { "docker-content-digest": `sha256:${"0".repeat(64)}` };
    for (const answer of [{ status: 201, headers }, { status: 202 }, { status: 404 }]) {
      const { uploader, asked } = await scripted([answer, STARTED, STORED]);
      const { descriptor, source } = blobOf(1000);
      const mountFrom = ["c/d"];
      expect(await uploader.push(descriptor, source, { mountFrom })).toBe("uploaded");
      expect(lines(asked)).toEqual(["POST", "POST", "PUT"]);
    }
  });
});

function head(size: number): Answer {
  return { status: 200, headers: { "content-length": String(size) } };
}
