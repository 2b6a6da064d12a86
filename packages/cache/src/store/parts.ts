import type { Blobs } from "./blobs.ts";
import type { Database } from "./database.ts";
import type { Places } from "./places.ts";
import type { Records } from "./records.ts";
import type { Unfinished } from "./unfinished.ts";
import type { Workspace } from "./workspace.ts";

/** What an open store is made of; every verb of the store works on these. */
export interface Parts {
  readonly places: Places;
  readonly workspace: Workspace;
  readonly unfinished: Unfinished;
  readonly blobs: Blobs;
  readonly records: Records;
  readonly database: Database;
  /** The calling thread may work in long steps. */
  readonly blocking: boolean;
}
