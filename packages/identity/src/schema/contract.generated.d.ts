/** One rule of the schema that a value breaks, as ajv reports it. */
export interface SchemaError {
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

export declare const validateContract: Validator;
export declare const validateResolved: Validator;
