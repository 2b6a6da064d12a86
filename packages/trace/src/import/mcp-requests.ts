import type { Fields } from "../source/fields.ts";

/** Who may send a request. Requests that both may send, such as `ping`, are not here. */
const SENDERS: Readonly<Record<string, "client" | "server">> = {
  initialize: "client",
  "tools/list": "client",
  "tools/call": "client",
  "resources/list": "client",
  "resources/templates/list": "client",
  "resources/read": "client",
  "resources/subscribe": "client",
  "resources/unsubscribe": "client",
  "prompts/list": "client",
  "prompts/get": "client",
  "completion/complete": "client",
  "logging/setLevel": "client",
  "roots/list": "server",
  "sampling/createMessage": "server",
  "elicitation/create": "server",
};

/** Members of results that tell which request they answer, the most telling first. */
const SIGNS: readonly (readonly [member: string, method: string])[] = [
  ["role", "sampling/createMessage"],
  ["action", "elicitation/create"],
  ["roots", "roots/list"],
  ["protocolVersion", "initialize"],
  ["contents", "resources/read"],
  ["messages", "prompts/get"],
  ["completion", "completion/complete"],
  ["tools", "tools/list"],
  ["resources", "resources/list"],
  ["resourceTemplates", "resources/templates/list"],
  ["prompts", "prompts/list"],
  ["content", "tools/call"],
  ["structuredContent", "tools/call"],
];

const SIGNED = new Set(SIGNS.map(([, method]) => method));

/** A request whose answer is to come. */
export interface McpRequest {
  readonly method: string;
  /** Tells it from other open requests: client and server number theirs independently. */
  readonly key: string;
}

interface Open extends McpRequest {
  readonly direction: string | undefined;
}

/** The requests of a transcript that wait for their answers, by who sent them and their ids. */
export class McpRequests {
  readonly #open = new Map<string, Open[]>();

  /** @param direction which way it went, in the recorder's words. */
  ask(method: string, id: string, direction: string | undefined): McpRequest {
    const sender = Object.hasOwn(SENDERS, method) ? SENDERS[method] : `?${direction ?? ""}`;
    const request = { method, key: `${sender} ${id}`, direction };
    const others = (this.#open.get(id) ?? []).filter(({ key }) => key !== request.key);
    this.#open.set(id, [...others, request]);
    return request;
  }

  /**
   * The request that a response answers: one that went the other way. Where the recorder did not note directions, what
   * the result holds decides, then which request came last: who is asked back answers before it is answered.
   */
  answered(
    id: string,
    direction: string | undefined,
    result: Fields | undefined,
  ): McpRequest | undefined {
    const open = this.#open.get(id) ?? [];
    const opposite = open.filter(
      (one) =>
        direction === undefined || one.direction === undefined || one.direction !== direction,
    );
    const found = fitting(opposite.length === 0 ? open : opposite, result);
    const others = open.filter((one) => one !== found);
    if (others.length === 0) this.#open.delete(id);
    else this.#open.set(id, others);
    return found;
  }
}

function fitting(open: readonly Open[], result: Fields | undefined): Open | undefined {
  const sign = SIGNS.find(([member]) => result?.has(member));
  const fits = ({ method }: Open) =>
    sign === undefined ? !SIGNED.has(method) : method === sign[1];
  return (result === undefined ? undefined : open.findLast(fits)) ?? open.at(-1);
}
