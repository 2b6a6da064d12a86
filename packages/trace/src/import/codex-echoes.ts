import { sha256 } from "@ctxpack/identity";
import type { ContentDraft } from "../run/draft.ts";

/** How many messages back an echo is looked for: it comes within a few lines. */
export const ECHO_WINDOW = 32;

interface Heard {
  readonly key: string;
  readonly seq: number;
}

/**
 * Rollouts tell a message twice: as the item that the model saw and as the event that the screen showed, in either
 * order. Each is taken once.
 */
export class Echoes {
  readonly #items: Heard[] = [];
  readonly #events: Heard[] = [];

  /** Notes an item that would become step `seq`; the step of its event, when that came before. */
  item(role: string, said: ContentDraft, seq: number): number | undefined {
    const key = keyOf(role, textOf(said));
    const event = take(this.#events, key);
    if (event === undefined) add(this.#items, { key, seq });
    return event?.seq;
  }

  /** Notes an event that would become step `seq`; whether its item came before. */
  event(role: string, text: string, seq: number): boolean {
    const key = keyOf(role, text);
    if (take(this.#items, key) !== undefined) return true;
    add(this.#events, { key, seq });
    return false;
  }
}

function keyOf(role: string, text: string): string {
  return `${role} ${sha256(new TextEncoder().encode(text.trim()))}`;
}

function textOf(said: ContentDraft): string {
  if ("text" in said) return said.text;
  return "parts" in said ? said.parts.map(textOf).join("") : "";
}

function add(list: Heard[], heard: Heard): void {
  list.push(heard);
  if (list.length > ECHO_WINDOW) list.shift();
}

function take(list: Heard[], key: string): Heard | undefined {
  const index = list.findIndex((heard) => heard.key === key);
  return index === -1 ? undefined : list.splice(index, 1)[0];
}
