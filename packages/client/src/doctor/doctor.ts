import type { Session } from "../session.ts";
import { type WorkOptions, workOf } from "../work.ts";
import type { Finding } from "./finding.ts";
import { checkConfiguration, checkMachine } from "./machine.ts";
import { checkPantries } from "./pantries.ts";
import { checkStore } from "./store.ts";
import { checkTrust } from "./trust.ts";

/**
 * Looks at everything a pull or push depends on. In a registry an upload is begun and cancelled; nothing is written
 * anywhere else but two small files beside the store's, which are removed again.
 */
export async function doctor(session: Session, options: WorkOptions): Promise<readonly Finding[]> {
  const { signal } = workOf(options);
  return [
    ...checkMachine(),
    ...checkConfiguration(session),
    ...(await checkStore(session, signal)),
    ...(await checkTrust(session, signal)),
    ...(await checkPantries(session, signal)),
  ];
}
