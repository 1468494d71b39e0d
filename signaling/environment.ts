/** The process's environment as an object; its variables are read by config.ts. */

/**
 * Makes the environment an ordinary object. Reading a variable asks the C library each time, under a lock, and drachtio-srf reads one for
 * every header it touches: a tenth of the application's time under load. Variables set later by native code are not seen, which nothing needs.
 */
export function detachEnvironment(): void {
  process.env = { ...process.env };
}
