import type { Sigstore } from "@ctxpack/test-tools";
import type { Scene } from "./scene.ts";

/** A threat that takes more than one step of the victim, too. */
export interface Story {
  /** As in the table of docs/trust.md. */
  readonly row: string;
  readonly code: string;
  readonly play: (world: World) => Promise<void>;
}

/** Everybody there is. */
export interface World {
  /** Nothing is in it. */
  readonly pantry: string;
  readonly keys: Scene;
  readonly keyless: Scene;
  readonly services: Sigstore;
}

export const STORIES: readonly Story[] = [];
