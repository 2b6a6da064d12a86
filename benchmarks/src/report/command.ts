export function reportCommand(_files: readonly string[], _to: string | undefined): number { return 2; }
