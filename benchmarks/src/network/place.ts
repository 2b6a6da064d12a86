import { RegistryServer } from "../registry-server.ts";
import { type LinkSpeed, ShapedLink } from "./shaped-link.ts";

/** A registry and the way to it. */
export interface Place extends Disposable {
  /** `loopback`, or rate and round trip. */
  readonly title: string;
  /** For the names of folders. */
  readonly id: string;
  /** host:port, as a client sees it. */
  readonly host: string;
  /** What is written before a client's command. */
  readonly inside: readonly string[];
  readonly speed?: LinkSpeed;
}

/** Opens a way to a registry whose blobs lie in `data`; disposing it closes it. */
export function openPlace(scratch: string, data: string, speed: LinkSpeed | undefined): Place {
  if (speed === undefined) {
    const server = new RegistryServer({ dir: scratch, data, address: "127.0.0.1" });
    return {
      ...{ title: "loopback", id: "loopback", host: server.host, inside: [] },
      [Symbol.dispose]: () => server[Symbol.dispose](),
    };
  }
  const link = new ShapedLink(scratch, data, speed);
  const { rateMbit, roundTripMs } = speed;
  const rate = rateMbit >= 1000 ? `${rateMbit / 1000} Gbit/s` : `${rateMbit} Mbit/s`;
  return {
    title: `${rate}, ${roundTripMs} ms`,
    id: `${rateMbit}-${roundTripMs}`,
    host: link.host,
    inside: link.inside,
    speed,
    [Symbol.dispose]: () => link[Symbol.dispose](),
  };
}
