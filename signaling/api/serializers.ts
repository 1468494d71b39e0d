/** How answers become text, where it is not the schema that has the last word. */

/**
 * Every field as it is, for lists that are asked for many times a second: zod would copy and look at each. Only for what is made field by field
 * where it is shown; the contract of the API holds it against the schema.
 */
export const asItIs = () => (data: unknown) => JSON.stringify(data);
