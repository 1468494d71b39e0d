/** Which Node this needs. Written so that much older ones can read it: they are who it talks to. */

export const REQUIRED_MAJOR = 20;

/** A sentence for a Node that is too old, or undefined. `version` as in process.versions.node. */
export function nodeTooOld(version) {
  if (Number(version.split('.')[0]) >= REQUIRED_MAJOR) return undefined;
  return 'Offhook needs Node.js ' + REQUIRED_MAJOR + ' or newer; this is Node.js ' + version + '. Get it from https://nodejs.org or with your package manager.';
}
