// The process of sigstore's services: started by `startSigstore`, told by messages what to do, ends with whoever started it.
import { fulcio, newKeys, tsa } from "./authority.ts";
import { type Answering, type FaultyService, startFaulty } from "./faults.ts";
import { rekorV1 } from "./rekor-v1.ts";
import { rekorV2 } from "./rekor-v2.ts";
import type { Call, SigstoreFacts } from "./services.ts";
import { signingConfigJson } from "./signing-config.ts";
import { identityToken } from "./token.ts";
import { trustedRootJson } from "./trusted-root.ts";
import { TufRepository } from "./tuf-repository.ts";

const notYet: Answering = () => ({ status: 503, body: "starting" });
const answering = {
  github: { answer: notYet },
  fulcio: { answer: notYet },
  tsa: { answer: notYet },
  rekorV1: { answer: notYet },
  rekorV2: { answer: notYet },
  tuf: { answer: notYet },
};
type Name = keyof typeof answering;

const names = Object.keys(answering) as Name[];
const started = await Promise.all(
  names.map(async (name) => [name, await startFaulty(answering[name])] as const),
);
const services = Object.fromEntries(started) as Record<Name, FaultyService>;

const moody = { fulcio: await fulcio(), tsa: await tsa() };
const [v1, v2] = [newKeys(), newKeys()];
const spki = (keys: typeof v1): Uint8Array =>
  keys.publicKey.export({ type: "spki", format: "der" });
const trustedRoot = trustedRootJson({
  rekorV1: { url: services.rekorV1.origin, key: spki(v1) },
  rekorV2: { url: services.rekorV2.origin, key: spki(v2) },
  fulcio: { url: services.fulcio.origin, root: moody.fulcio.root },
  certificateLog: { key: moody.fulcio.certificateLogKey },
  tsa: { url: services.tsa.origin, chain: moody.tsa.chain },
});
const tuf = new TufRepository(trustedRoot);

answering.github.answer = ({ url, authorization }) => {
  if (authorization !== "bearer job-credential-0123456789") return { status: 401, body: "who?" };
  const audience = new URL(url, "http://github").searchParams.get("audience") ?? "";
  return { status: 200, body: JSON.stringify({ value: identityToken({ aud: audience }) }) };
};
answering.fulcio.answer = (asked) => moody.fulcio.answer(asked);
answering.tsa.answer = (asked) => moody.tsa.answer(asked);
answering.rekorV1.answer = await rekorV1(services.rekorV1.origin, v1);
answering.rekorV2.answer = rekorV2(services.rekorV2.host, v2);
answering.tuf.answer = tuf.answer;

const calls: Record<Call["name"], (...args: never[]) => unknown> = {
  fault: (name: Name, faults: FaultyService["faults"]) => {
    services[name].faults.splice(0, Infinity, ...faults);
  },
  requests: (name: Name) => services[name].requests.splice(0),
  fulcioMood: (mood: typeof moody.fulcio.mood) => {
    moody.fulcio.mood = mood;
  },
  tsaAhead: (ahead: boolean) => {
    moody.tsa.ahead = ahead;
  },
  publish: (publication: Parameters<TufRepository["publish"]>[0]) => tuf.publish(publication),
  rotateRoot: (options: Parameters<TufRepository["rotateRoot"]>[0]) => tuf.rotateRoot(options),
  rollBack: () => tuf.rollBack(),
  damage: (name: string) => tuf.damage(name),
};

process.on("message", ({ id, name, args }: Call) => {
  let answer: object;
  try {
    answer = { id, result: calls[name](...(args as never[])) };
  } catch (error) {
    answer = { id, error: String(error) };
  }
  process.send?.(answer);
});
process.on("disconnect", () => process.exit(0));

const urls = Object.fromEntries(
  names.map((name) => [name, services[name].origin]),
) as SigstoreFacts["urls"];
const facts: SigstoreFacts = {
  urls,
  trustedRoot,
  signingConfig: signingConfigJson(urls),
  tufRoot: tuf.firstRoot.toString("utf8"),
};
process.send?.({ id: 0, result: facts });
