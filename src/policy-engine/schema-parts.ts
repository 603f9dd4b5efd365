/** A JSON Schema of a part of the policy document. */
export type ObjectSchema = Readonly<Record<string, unknown>>;
export type Schema = ObjectSchema | boolean;

/** A text of this many characters that PostgreSQL can store: without U+0000 and half surrogate pairs. */
export function textSchema(minLength: number, maxLength: number): ObjectSchema {
  return { type: 'string', minLength, maxLength, pattern: '^[^\\u0000\\p{Cs}]*$' };
}

/** A list of `minItems` to `maxItems` items. */
export function listSchema(maxItems: number, items: Schema, minItems = 0): Schema {
  return { type: 'array', ...(minItems > 0 ? { minItems } : {}), maxItems, items };
}

/** An object with these members and no others. */
export function objectSchema(
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[] = [],
): ObjectSchema {
  return { type: 'object', additionalProperties: false, required, properties };
}

/** A whole number of at least `minimum`. */
export function lengthOf(minimum: number): ObjectSchema {
  return { type: 'integer', minimum };
}
