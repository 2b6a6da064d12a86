/** The scope of actions on a repository (distribution's token specification): `repository:acme/packs:pull,push`. */
export function repositoryScope(name: string, ...actions: readonly string[]): string {
  return `repository:${name}:${[...new Set(actions)].sort().join(",")}`;
}

/**
 * Each resource once, with all the actions asked for; `*` is all of them. Scopes of another shape stay as they are.
 * Sorted, so that two lists that mean the same are the same.
 */
export function cleanScopes(scopes: readonly string[]): string[] {
  const actionsOf = new Map<string, Set<string>>();
  const others = new Set<string>();
  for (const scope of scopes) {
    // A name may hold colons: a host and its port.
    const first = scope.indexOf(":");
    const last = scope.lastIndexOf(":");
    if (first < 0 || first === last) {
      if (scope !== "") others.add(scope);
      continue;
    }
    const actions = scope
      .slice(last + 1)
      .split(",")
      .filter((action) => action !== "");
    if (actions.length === 0) continue;
    const resource = scope.slice(0, last);
    const known = actionsOf.get(resource) ?? new Set();
    for (const action of actions) known.add(action);
    actionsOf.set(resource, known);
  }
  const merged = [...actionsOf].map(([resource, actions]) =>
    actions.has("*") ? `${resource}:*` : `${resource}:${[...actions].sort().join(",")}`,
  );
  return [...merged, ...others].sort();
}
