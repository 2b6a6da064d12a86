import { ANNOTATION, type DependencyRole } from "./build-type.ts";
import type { BuildOrigin } from "./builder.ts";
import type { JsonObject } from "./members.ts";
import type { ResourceDescriptor } from "./statement.ts";

/** The annotation that says what a dependency is to the pack. */
export function role(name: DependencyRole): JsonObject {
  return { [ANNOTATION.role]: name };
}

/** Where the recipe lies, in CI. */
export function sourceDependency({ source }: BuildOrigin): ResourceDescriptor[] {
  if (source === undefined) return [];
  const { repository, ref, commit } = source;
  const digest = commit === undefined ? {} : { digest: { gitCommit: commit } };
  return [{ name: "source", uri: `git+${repository}@${ref}`, ...digest }];
}

/** In the order in which they are written. */
export function byName(a: ResourceDescriptor, b: ResourceDescriptor): number {
  return (a.name ?? "") < (b.name ?? "") ? -1 : 1;
}
