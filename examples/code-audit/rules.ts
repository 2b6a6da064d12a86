// What the audit looks for, as it is said in the SARIF file.

/** One rule. */
export interface Rule {
  readonly level: "error" | "warning";
  readonly about: string;
}

export const RULES = {
  "code-from-text": { level: "error", about: "Text that is not constant is run as code" },
  "not-parsed": { level: "error", about: "The file has syntax errors: the rest was not looked at" },
  "path-from-request": {
    level: "warning",
    about: "A path is made of a part of a request, which may say ../",
  },
  secret: {
    level: "error",
    about: "A string looks like a key: long, with letters and digits at random",
  },
  "shell-command": { level: "error", about: "A shell is given text that is not constant" },
} satisfies Record<string, Rule>;

export type RuleId = keyof typeof RULES;

/** One place in one file; lines and columns count from 1, columns in UTF-16 code units. */
export interface Finding {
  readonly rule: RuleId;
  readonly startLine: number;
  readonly startColumn: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly message: string;
}
