/** A signature that counts: who made it, and the names of the policy that this is. */
export interface Vote {
  /** The key or identity itself. */
  readonly signer: string;
  readonly names: readonly string[];
}

/**
 * How many different signers there are, by two measures at once: a key that has two names in the policy is one
 * signer, and so are two identities that only one name stands for. It is the size of the largest matching of signers
 * and names (Kuhn's algorithm).
 */
export function countSigners(votes: readonly Vote[]): number {
  const namesOf = new Map<string, Set<string>>();
  for (const { signer, names } of votes) {
    const known = namesOf.get(signer) ?? new Set();
    for (const name of names) known.add(name);
    namesOf.set(signer, known);
  }
  const takenBy = new Map<string, string>();
  const place = (signer: string, tried: Set<string>): boolean => {
    for (const name of namesOf.get(signer) ?? []) {
      if (tried.has(name)) continue;
      tried.add(name);
      const holder = takenBy.get(name);
      if (holder === undefined || place(holder, tried)) {
        takenBy.set(name, signer);
        return true;
      }
    }
    return false;
  };
  return [...namesOf.keys()].filter((signer) => place(signer, new Set())).length;
}
