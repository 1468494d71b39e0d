/** What was thrown, as text. */
export const errorText = (err: unknown): string => (err instanceof Error ? err.message : String(err));
