/** One rule of the schema that a value breaks, as ajv reports it. */
interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly schemaPath: string;
  /** The schema whose keyword it is. */
  readonly parentSchema?: {
    readonly properties?: Readonly<Record<string, unknown>>;
    readonly patternErrorMessage?: string;
    readonly oneOf?: readonly { readonly required?: readonly string[] }[];
  };
  readonly params: Readonly<Record<string, unknown>>;
  /** The value that breaks it. */
  readonly data?: unknown;
  /** Present when the rule is about the name of a member. */
  readonly propertyName?: string;
}

/** Whether a value follows the schema; `errors` says how the last value did not. */
export interface Validator {
  (value: unknown): boolean;
  readonly errors?: readonly SchemaError[] | null;
}

/** One rule that a value breaks, before it is known where in a text that is. */
export interface Problem {
  /** JSON pointer of the value that is wrong, or of the member whose key is. */
  readonly pointer: string;
  readonly message: string;
  readonly hint?: string | undefined;
  /** The key is wrong, not what it holds. */
  readonly atKey?: boolean;
}

/** How a value appears in a message: as it was written, when that is known. */
export type Spell = (pointer: string) => string | undefined;

/** One is shown; a hostile contract has a hundred thousand, each with a place to look up. */
const MAX_ERRORS = 100;

/**
 * What `validate` refuses about `value`, in words for a person: the first hundred or so. Empty only for what
 * it does not refuse. `nullRule` is said of a `null` where none belongs.
 */
export function schemaProblems(
  validate: Validator,
  value: unknown,
  spell: Spell,
  nullRule = "null is not allowed here",
): Problem[] {
  if (validate(value)) return [];
  const errors = (validate.errors ?? []).slice(0, MAX_ERRORS);
  const problems = errors
    .filter((error) => !errors.some((other) => isSlipOf(other, error)))
    .flatMap((error) => describe(error, spell, nullRule) ?? []);
  if (problems.length > 0) return problems;
  return [{ pointer: errors[0]?.instancePath ?? "", message: "not of the expected form" }];
}

/** Whether `unknown` is a misspelt key and `missing` the one that was meant: one fault, told once. */
function isSlipOf(unknown: SchemaError, missing: SchemaError): boolean {
  if (unknown.keyword !== "additionalProperties" || missing.keyword !== "required") return false;
  if (unknown.instancePath !== missing.instancePath) return false;
  return meant(unknown) === missing.params["missingProperty"];
}

/** The known key that an unknown one is a slip of. */
function meant(error: SchemaError): string | undefined {
  const known = Object.keys(error.parentSchema?.properties ?? {});
  return nearest(String(error.params["additionalProperty"]), known);
}

function describe(error: SchemaError, spell: Spell, nullRule: string): Problem | undefined {
  // What each branch of a oneOf misses is noise beside the sentence of the oneOf itself.
  if (/\/oneOf\/[0-9]+\//.test(error.schemaPath)) return undefined;
  const pointer = error.instancePath;
  switch (error.keyword) {
    case "additionalProperties":
      return unknownKey(error);
    case "required":
      return { pointer, message: `${quote(error.params["missingProperty"])} is missing` };
    case "oneOf":
      // What is no object has no members to choose from; its `type` error says so.
      return isObject(error.data) ? { pointer, ...oneOf(error, error.data) } : undefined;
    case "type":
      return wrongType(error, spell, nullRule);
    case "minLength":
      return { pointer, message: "an empty string" };
    case "minItems":
      return { pointer, message: "an empty list; it needs at least one item" };
    case "minProperties":
      return { pointer, message: "an empty object", hint: "leave it out" };
    case "const":
      return { pointer, message: `expected ${quote(error.params["allowedValue"])}` };
    case "enum":
      return { pointer, message: `expected ${allowedValues(error)}, found ${quote(error.data)}` };
    case "minimum":
      return { pointer, message: `expected at least ${error.params["limit"]}` };
    case "maximum":
      return { pointer, message: `expected at most ${error.params["limit"]}` };
    case "maxLength":
      return { pointer, message: `longer than ${error.params["limit"]} characters` };
    case "maxItems":
      return { pointer, message: `a list of more than ${error.params["limit"]} items` };
    case "maxProperties":
      return { pointer, message: `an object of more than ${error.params["limit"]} members` };
    case "pattern":
      return pattern(error);
    default:
      return undefined;
  }
}

function unknownKey(error: SchemaError): Problem {
  const key = String(error.params["additionalProperty"]);
  const known = Object.keys(error.parentSchema?.properties ?? {});
  const near = meant(error);
  const guess = near === undefined ? "" : `; did you mean ${quote(near)}?`;
  const hint = near === undefined ? `known here: ${known.join(", ")}` : undefined;
  const step = key.replaceAll("~", "~0").replaceAll("/", "~1");
  const message = `unknown key ${quote(key)}${guess}`;
  return { pointer: `${error.instancePath}/${step}`, message, hint, atKey: true };
}

function oneOf(error: SchemaError, data: object): { message: string } {
  const choices = error.parentSchema?.oneOf?.flatMap((branch) => branch.required ?? []) ?? [];
  const present = choices.filter((key) => Object.hasOwn(data, key));
  const all = `${choices.slice(0, -1).join(", ")} and ${choices.at(-1)}`;
  if (present.length === 0) return { message: `needs exactly one of ${all}` };
  return { message: `has ${present.join(" and ")}; exactly one of ${all} is allowed` };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const articles: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  integer: "an integer",
  boolean: "a boolean",
  array: "a list",
  object: "an object",
};

function allowedValues(error: SchemaError): string {
  const allowed = error.params["allowedValues"] as readonly unknown[];
  return allowed.map(quote).join(" or ");
}

function wrongType(error: SchemaError, spell: Spell, nullRule: string): Problem {
  if (error.data === null) return { pointer: error.instancePath, message: nullRule };
  const types = [error.params["type"]].flat().map(String);
  const expected = types.map((type) => articles[type] ?? type).join(" or ");
  const found = kindOf(error.data, spell(error.instancePath));
  const bare = ["number", "boolean"].includes(typeof error.data);
  const hint =
    bare && types.includes("string")
      ? `quote it: ${quote(spell(error.instancePath) ?? String(error.data))}`
      : undefined;
  return { pointer: error.instancePath, message: `expected ${expected}, found ${found}`, hint };
}

function kindOf(value: unknown, spelling: string | undefined): string {
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number") return spelling ?? String(value);
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function pattern(error: SchemaError): Problem {
  const message = error.parentSchema?.patternErrorMessage ?? "not of the expected form";
  const pointer = error.instancePath;
  if (error.propertyName !== undefined) return { pointer, message };
  // NAME=value is a usual slip, and the value may be a secret: it is not repeated.
  if (String(error.data).includes("=")) return { pointer, message };
  return { pointer, message: `${message}, found ${quote(error.data)}` };
}

function quote(value: unknown): string {
  const text = String(value);
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** The known key that `key` is a slip of: at most two edits, and fewer than half its letters. */
function nearest(key: string, known: readonly string[]): string | undefined {
  const plain = key.toLowerCase().replaceAll(/[-_ ]/g, "");
  const ranked = known
    .map((name) => ({ name, edits: editDistance(plain, name.replaceAll("_", "")) }))
    .filter(({ name, edits }) => edits <= 2 && edits * 2 < name.length)
    .sort((a, b) => a.edits - b.edits);
  return ranked[0]?.name;
}

/** Levenshtein's distance; both are names, so a table row is small. A longer `a` is never near. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 3;
}
