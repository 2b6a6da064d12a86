import type { Validator } from "@ctxpack/identity/schema";

/** What is wrong with a value, and where. */
export interface SchemaFault {
  readonly pointer: string;
  readonly message: string;
}

type SchemaError = NonNullable<Validator["errors"]>[number];

/** The first rule of a schema that `value` breaks; nothing when it follows them all. */
export function schemaFault(validate: Validator, value: unknown): SchemaFault | undefined {
  if (validate(value)) return undefined;
  const error = validate.errors?.[0];
  if (error === undefined) return { pointer: "", message: "not of the expected form" };
  return { pointer: error.instancePath, message: messageOf(error) };
}

function messageOf({ keyword, params, parentSchema }: SchemaError): string {
  switch (keyword) {
    case "additionalProperties":
      return `unknown key ${JSON.stringify(String(params["additionalProperty"]).slice(0, 80))}`;
    case "required":
      return `${JSON.stringify(params["missingProperty"])} is missing`;
    case "type":
      return `expected ${[params["type"]].flat().join(" or ")}`;
    case "pattern":
      return parentSchema?.patternErrorMessage ?? "not of the expected form";
    case "minLength":
    case "minItems":
      return "is empty";
    case "maxLength":
      return `longer than ${params["limit"]} characters`;
    case "maxItems":
      return `more than ${params["limit"]} items`;
    case "minimum":
      return `expected at least ${params["limit"]}`;
    case "discriminator":
      return `unknown ${params["tag"]}`;
    default:
      return "not of the expected form";
  }
}
