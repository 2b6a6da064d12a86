/**
 * A JSON value as it is written: numbers keep their literal, objects their order and even their
 * duplicate keys, so that JSON and YAML texts of the same contract can be emitted from one value.
 */
export type WrittenValue =
  | null
  | boolean
  | string
  | WrittenNumber
  | WrittenObject
  | readonly WrittenValue[];

export class WrittenNumber {
  readonly literal: string;
  constructor(literal: string) {
    this.literal = literal;
  }
}

export class WrittenObject {
  readonly members: readonly (readonly [string, WrittenValue])[];
  constructor(members: readonly (readonly [string, WrittenValue])[]) {
    this.members = members;
  }
}
