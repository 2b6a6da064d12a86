// Pushes one referrer, as a process of its own: HOST SUBJECT NOTE.
import { bytesSource, type Descriptor, describeBytes } from "@ctxpack/oci";
import { Registry } from "@ctxpack/oci/remote";

const [host = "", subjectText = "", note = ""] = process.argv.slice(2);
const subject = JSON.parse(subjectText) as Descriptor;
const mediaType = "application/vnd.oci.image.manifest.v1+json";
const config = new TextEncoder().encode("{}");
const manifest = {
  schemaVersion: 2,
  mediaType,
  artifactType: "application/vnd.example.proof",
  config: describeBytes("application/vnd.oci.empty.v1+json", config),
  layers: [],
  subject,
  annotations: { note },
};
const bytes = new TextEncoder().encode(JSON.stringify(manifest));
await using registry = new Registry(host, { plainHttp: true });
const repository = registry.repository("a/b");
await repository.push(manifest.config, bytesSource(config));
await repository.push(describeBytes(mediaType, bytes), bytesSource(bytes));
