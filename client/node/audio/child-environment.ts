/**
 * Programs started with a few variables more than we have ourselves. Written onto the command line of `env`, which then becomes the program
 * (same process id): nothing of ours has to read the environment for that.
 */
export type Variables = Readonly<Record<string, string>>;

export function withVariables(variables: Variables, program: string, args: readonly string[]): [program: string, args: string[]] {
  const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  // Windows has no such program; what we set there only makes things smoother
  if (settings.length === 0 || process.platform === 'win32') return [program, [...args]];
  return ['/usr/bin/env', [...settings, program, ...args]];
}
